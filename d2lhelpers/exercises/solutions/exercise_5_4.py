small_stem_field = 3 + 4 * 2 + (2 * 1 + 6 * 2) + (2 * 2 + 6 * 4) + (2 * 4 + 6 * 8)  # answer
small_stem_jump = 2 * 2 * 2  # answer
small_stem_last_side = 4  # answer
small_stem_idle = 0  # answer
my_reason = "The last maps are 4×4, not 1×1: each place of a 3×3 window meets pixels, so no weight is idle."  # answer
