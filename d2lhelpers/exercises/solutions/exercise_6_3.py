def normalised(pixels):
    # answer
    # Of 1,000 coats the nearest neighbour finds 736 with it, and 662 without; sandals lose, from 772 to 736.
    centred = pixels - pixels.mean(dim=1, keepdim=True)
    norms = centred.norm(dim=1, keepdim=True)
    return centred / norms.clamp(min=1e-4)  # one pixel one step of 1/255 off has 40 times this norm; rounding, a tenth
    # end of answer


def found_by_class(memory, images):
    """Return how many test images of each class the nearest of the first 10,000 training images names."""
    nearest = torch.cat([torch.cdist(part, memory).argmin(dim=1) for part in images.split(500)])
    right = train_labels[:10_000][nearest] == test_labels
    return [right[test_labels == label].sum().item() for label in range(10)]


helped_most = "coat"  # answer
