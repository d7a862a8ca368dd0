blocks_a_stage = (110 - 2) // 6  # answer
additions = 3 * 18  # answer
