-- name: publishing
-- Seconds from accepted to published, all batches but the first added up.
SELECT coalesce(sum(extract(epoch FROM published_at - accepted_at)), 0)::float8
FROM memreward.batch WHERE memory = %(memory)s AND seq > 1;
