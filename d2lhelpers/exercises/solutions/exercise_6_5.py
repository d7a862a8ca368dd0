def mended_batches(images, labels, batch_size):
    # answer
    order = torch.randperm(len(images))
    for indices in order.split(batch_size):
        yield images[indices].float() / 255, labels[indices]
    # end of answer
