-- Which recipe answers, where somebody has chosen one.

CREATE TABLE @space.chosen_recipe (
    one_row boolean PRIMARY KEY DEFAULT true CHECK (one_row),
    name text NOT NULL,
    chosen_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE @space.chosen_recipe IS 'At most one row: the recipe that was made the default; it goes before HEADRACE_SERVING_RECIPE.';
