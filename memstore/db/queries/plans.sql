-- name: for_any_memory
-- For this transaction, plans do not depend on the values that are asked for.
SELECT set_config('plan_cache_mode', 'force_generic_plan', true);

-- name: for_this_memory
-- Plans as usual.
SELECT set_config('plan_cache_mode', 'auto', true);

-- name: for_given_values
-- For the rest of a connection, each plan is made for the values that are asked for.
SELECT set_config('plan_cache_mode', 'force_custom_plan', false);
