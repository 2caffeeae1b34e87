"""Every command of `memreward`: where its function is, and the line that the help shows."""

from collections.abc import Mapping, Sequence

from memreward.cli.lazy_group import Branch, Entry, Tree

#: In the order of the help. A test compares each line with the docstring of its function.
COMMANDS: Tree = {
    "demo": Entry(
        target="memreward.cli.demo:demo",
        help="Try everything once on real rollouts: ingest, learn from 20 % of the labels, score.",
    ),
    "up": Entry(
        target="memreward.cli.servers:up",
        help="Start Neo4j and Postgres and migrate them; the first call sets them up.",
    ),
    "down": Entry(
        target="memreward.cli.servers:down",
        help="Stop the servers that memreward started; the data stay.",
    ),
    "status": Entry(
        target="memreward.cli.servers:status",
        help="Say whether both servers run, and where; exit with 1 if one does not.",
    ),
    "doctor": Entry(
        target="memreward.cli.servers:doctor",
        help="Say what is wrong on this machine and what to do; exit with 1 if anything is.",
    ),
    "migrate": Entry(
        target="memreward.cli.servers:migrate",
        help="Bring both databases, of every pair, to what this version of memreward expects.",
    ),
    "rotate-secrets": Entry(
        target="memreward.cli.servers:rotate_secrets",
        help="Give memreward's own databases new passwords, and `serve` a new token.",
    ),
    "ingest": Entry(
        target="memreward.cli.ingest:ingest",
        help="Read rollouts into a memory; the same files again add nothing.",
    ),
    "formats": Entry(
        target="memreward.cli.formats:formats",
        help="List the files of other tools that `ingest --format NAME` reads, a row of each.",
    ),
    "link": Entry(
        target="memreward.cli.ingest:link",
        help="Recompute every query's nearest neighbours as a new generation of SIMILAR_TO edges.",
    ),
    "collect": Entry(
        target="memreward.cli.collect:collect",
        help="Sample a policy on a task set; the same command again continues where it stopped.",
    ),
    "verify": Entry(
        target="memreward.cli.verify:verify",
        help="Verify answers in files: rows come back with `reward` (1, 0 or null) and `reason`.",
    ),
    "train": Entry(
        target="memreward.cli.train:train",
        help="Learn from the verified rewards of a memory; the checkpoint is listed in the graph.",
    ),
    "propagate": Entry(
        target="memreward.cli.train:propagate",
        help="Write a propagated reward for every unlabelled answer; verified ones stay.",
    ),
    "grpo": Entry(
        target="memreward.cli.grpo:grpo",
        help="Train a policy by GRPO with verified and propagated rewards; a killed run resumes.",
    ),
    "compare": Entry(
        target="memreward.cli.grpo:compare",
        help="Train with each arm from the same start on the same prompts: a table and curves.",
    ),
    "teach": Entry(
        target="memreward.cli.teach:teach",
        help="Teach a new policy of 300,000 weights, or a given one, the families of TASKS.",
    ),
    "dataset": Entry(
        target="memreward.cli.dataset:dataset",
        help="Write a data set for TRL's trainers: answers, pairs or prompts that rewards choose.",
    ),
    "stats": Entry(
        target="memreward.cli.query:stats",
        help="Show what a memory holds, in all and per dataset.",
    ),
    "look": Entry(
        target="memreward.cli.look:look",
        help="Look at rollouts, their groups and rewards in a browser until Ctrl-C (docs/look.md).",
    ),
    "query": Entry(
        target="memreward.cli.query:query",
        help="Ask Neo4j in Cypher, in a read-only transaction.",
    ),
    "evaluate": Entry(
        target="memreward.cli.evaluate:evaluate",
        help="Label a few queries of TRAIN, score all others, and compare with simpler methods.",
    ),
    "robustness": Entry(
        target="memreward.cli.label_noise:robustness",
        help="Flip some of the labels and score the unlabelled queries: what wrong labels cost.",
    ),
    "prior": Entry(
        target="memreward.cli.prior:prior",
        help="Learn the prior for memories without labels from verified rollouts in files.",
    ),
    "runs": Entry(
        target="memreward.cli.runs:runs",
        help="List the runs that share a memory: policy, counts, mean rewards, accuracy.",
    ),
    "check": Entry(
        target="memreward.cli.care:check",
        help="Compare both databases; exit with 1 and list the differences if there are any.",
    ),
    "delete": Entry(
        target="memreward.cli.care:delete",
        help="Delete a memory, or one run of it, from both databases. There is no way back.",
    ),
    "compact": Entry(
        target="memreward.cli.compact:compact",
        help="Forget thinkings and embeddings that no reward is made of; the rollouts stay.",
    ),
    "label": Entry(
        target="memreward.cli.care:label",
        help="Add verified rewards or preferences (docs/labels.md); repeated rows add nothing.",
    ),
    "history": Entry(
        target="memreward.cli.care:history",
        help="Show who labelled or scored a rollout, when, and which values are current.",
    ),
    "repair": Entry(
        target="memreward.cli.repair:repair",
        help="Publish what is accepted, finish deletes, retry a quarantined batch; undo nothing.",
    ),
    "export": Entry(
        target="memreward.cli.archive:export",
        help="Write a memory into Parquet files, its history and checkpoints included.",
    ),
    "import": Entry(
        target="memreward.cli.archive:import_",
        help="Read an exported memory back, under its own or another name, which must be free.",
    ),
    "reembed": Entry(
        target="memreward.cli.archive:reembed",
        help="Embed all texts of a memory with another encoder, then link it again.",
    ),
    "rekey": Entry(
        target="memreward.cli.archive:rekey",
        help="Make a memory's conclusion keys again by the rules of this version; a killed run "
        "resumes.",
    ),
    "suggest-labels": Entry(
        target="memreward.cli.suggest:suggest_labels",
        help="List the queries or conclusions whose labels would help most, also before the first "
        "label.",
    ),
    "suspects": Entry(
        target="memreward.cli.explain:suspects",
        help="List the verified rewards that the memory contradicts most, and who gave them.",
    ),
    "explain": Entry(
        target="memreward.cli.explain:explain",
        help="Show what moved the score of an answer, by which paths, and by how much.",
    ),
    "snapshot": Entry(
        target="memreward.cli.snapshot:snapshot",
        help="Build the snapshot of a memory or update it, and compare it with both databases.",
    ),
    "serve": Entry(
        target="memreward.cli.serve:serve",
        help="Score rollouts over HTTP until stopped by Ctrl-C (docs/other-trainers.md).",
    ),
    "config": Branch(
        help="Settings and where they come from.",
        entries={
            "show": Entry(
                target="memreward.cli.servers:config_show",
                help="Print every setting and where it is from, passwords hidden.",
            ),
        },
    ),
    "bench": Branch(
        help="Measure what things cost, next to rivals in the same process, in scratch memories.",
        entries={
            "reward": Entry(
                target="memreward.bench.cli:reward",
                help="Score the rollouts of an RL step against memories of several sizes.",
            ),
            "ingest": Entry(
                target="memreward.bench.cli:ingest",
                help="Write rollouts with embeddings and rewards, in turn with the bare drivers.",
            ),
            "sample": Entry(
                target="memreward.bench.cli:sample",
                help="Sample four steps around random answers; the rival asks Neo4j in Cypher.",
            ),
            "knn": Entry(
                target="memreward.bench.cli:knn",
                help="Find the 7 nearest of 64 queries: HNSW, exact pgvector, a flat product.",
            ),
            "train": Entry(
                target="memreward.bench.cli:train",
                help="Train the default model and the published one on the same memory.",
            ),
            "encode": Entry(
                target="memreward.bench.cli:encode",
                help="Embed the texts of rollouts; the rival is plain sentence-transformers.",
            ),
        },
    ),
}
#: What the help shows together, by title; a test finds every command in one of them.
PANELS: Mapping[str, Sequence[str]] = {
    "Begin": ("demo", "up", "down", "status", "doctor"),
    "Rollouts and labels": (
        *("ingest", "formats", "collect", "verify", "label", "suggest-labels", "dataset"),
    ),
    "Rewards": ("evaluate", "train", "propagate", "explain", "suspects", "robustness", "prior"),
    "Policies": ("grpo", "compare", "teach", "serve"),
    "Look": ("look", "stats", "runs", "history", "query"),
    "Keep": (
        *("check", "repair", "delete", "compact", "export", "import", "snapshot"),
        *("link", "rekey", "reembed", "migrate", "rotate-secrets", "config", "bench"),
    ),
}
