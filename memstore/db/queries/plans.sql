-- name: for_any_memory
-- Plans do not depend on the values that are asked for, with or without a transaction.
SELECT set_config('plan_cache_mode', 'force_generic_plan', false);

-- name: for_this_memory
-- Plans as usual.
SELECT set_config('plan_cache_mode', 'auto', false);

-- name: for_given_values
-- For the rest of a connection, each plan is made for the values that are asked for.
SELECT set_config('plan_cache_mode', 'force_custom_plan', false);
