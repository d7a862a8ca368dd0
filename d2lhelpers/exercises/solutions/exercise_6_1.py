num_batches = -(-60_000 // 128)  # answer
last_size = 60_000 - 128 * (60_000 // 128)  # answer
last_size_at_250 = 250  # answer
