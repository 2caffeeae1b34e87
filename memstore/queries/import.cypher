// name: finish
// The memory stands where it stood when it was exported.
MATCH (m:Memory {memory: $memory}) SET m.seq = $seq, m.generation = $generation RETURN count(m)
