"""TRL's GRPO trainer with cheaper steps: the same loss and gradients, but for rounding.

- A prompt is read once for all its completions, in sampling and in the loss (whose gradient passes
  through what is kept of the prompt), and what has ended is sampled no further.
- A completion without advantage adds nothing to the gradient, so it is not read again. Where most
  completions are masked this is most of a step. The logged entropy is that of the others.

This module imports TRL, which takes seconds: it is imported where a run begins.
"""

from collections.abc import Sequence
from typing import Any

import torch
from trl.trainer.grpo_trainer import GRPOTrainer
from trl.trainer.utils import pad

from trainer.policy import decode, positions, read_prompts


class CheapGRPOTrainer(GRPOTrainer):
    """For texts, without a reference model: `beta=0`, and a loss that is a sum over tokens."""

    def _generate_single_turn(
        self,
        prompt_ids: Sequence[Sequence[int]],
        images: Any,
        multimodal_fields: Any,
        num_generations: int,
        has_tool_images: bool = False,
    ) -> tuple[list[list[int]], None]:
        """Tokens of a completion of each of the R prompts, and no log-probabilities."""
        longest: Any = self.max_completion_length
        firsts = prompt_ids[::num_generations]
        if [list(ids) for ids in firsts for _ in range(num_generations)] != list(prompt_ids):
            firsts = prompt_ids
        rows = [torch.tensor(ids) for ids in firsts]
        padding: Any = self._tokenizer.pad_token_id
        ids_PT = pad(rows, padding_value=padding, padding_side="left")
        mask_PT = pad([torch.ones_like(row) for row in rows], padding_value=0, padding_side="left")
        device = self.accelerator.device
        completions = decode(
            self.accelerator.unwrap_model(self.model),
            ids_PT.to(device),
            mask_PT.to(device),
            # Of torch's own random numbers, which a checkpoint keeps.
            torch.rand(len(prompt_ids), longest).to(device),
            ends=self.eos_token_ids,
            temperature=self.temperature,
        )
        return completions, None

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> torch.Tensor:
        """The loss of the completions with an advantage."""
        advantage_R = inputs["advantages"]
        kept_N = advantage_R.nonzero()[:, 0]
        if not len(kept_N):
            kept_N = torch.zeros(1, dtype=torch.long, device=advantage_R.device)
        rows = len(advantage_R)
        kept = {
            name: value[kept_N] if torch.is_tensor(value) and value.shape[:1] == (rows,) else value
            for name, value in inputs.items()
        }
        return super()._compute_loss(model, kept)

    def _get_per_token_logps_and_entropies(
        self,
        model: Any,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        logits_to_keep: int,
        *args: Any,
        compute_entropy: bool = False,
        **kwargs: Any,
    ) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]:
        """Log-probabilities [R, T] and entropies [R, T] of the completions' tokens."""
        n_prompt = input_ids.shape[1] - logits_to_keep
        # Padding may differ where a prompt does not: what is masked is no part of it.
        prompt_RT = input_ids[:, :n_prompt] * attention_mask[:, :n_prompt]
        _, place_R = prompt_RT.unique(dim=0, return_inverse=True)
        first_P = torch.stack([(place_R == p).nonzero()[0, 0] for p in range(place_R.max() + 1)])
        with self.accelerator.autocast():
            state = read_prompts(
                model, input_ids[first_P, :n_prompt], attention_mask[first_P, :n_prompt]
            )
            state.batch_select_indices(place_R)
            read = slice(n_prompt - 1, None)
            labels = input_ids.masked_fill(attention_mask == 0, -100)[:, read].clone()
            labels[:, 0] = -100
            outputs = model(
                input_ids=input_ids[:, read],
                attention_mask=attention_mask,
                position_ids=positions(attention_mask)[:, read],
                past_key_values=state,
                labels=labels,
                fused_lm_head=True,
            )
        entropy = outputs.entropy[:, -logits_to_keep:] if compute_entropy else None
        return outputs.log_probs[:, -logits_to_keep:], entropy, None
