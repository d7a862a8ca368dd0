def nearest_mean_accuracy_of(train_images, train_labels, test_images, test_labels, classes):
    # answer
    classes = torch.tensor(classes)
    means = torch.stack([train_images[train_labels == label].flatten(1).float().mean(dim=0) for label in classes])
    kept = torch.isin(test_labels, classes)
    nearest = torch.cdist(test_images[kept].flatten(1).float(), means).argmin(dim=1)
    return (classes[nearest] == test_labels[kept]).float().mean().item()
    # end of answer


def accuracy_among(classes):
    return nearest_mean_accuracy_of(train_images, train_labels, test_images, test_labels, classes)


lead_of_shoes = 100 * (accuracy_among([5, 7, 9]) - accuracy_among([0, 4, 6]))  # answer
