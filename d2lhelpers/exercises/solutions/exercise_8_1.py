batches_an_epoch = -(-60_000 // 256)  # answer
steps_of_five_epochs = 5 * 235  # answer
steps_with_128 = 3 * -(-10_000 // 128)  # answer
