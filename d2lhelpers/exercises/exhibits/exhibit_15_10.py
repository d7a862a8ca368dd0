def train_and_evaluate(net, train_batches, test_batches, num_epochs, lr):
    """Train; return the accuracy on the test images after each epoch."""
    optimizer = torch.optim.SGD(net.parameters(), lr=lr)
    accuracies = []
    net.train()  # broken
    for epoch in range(num_epochs):
        net.train()  # mended
        for X, y in train_batches:
            loss = F.cross_entropy(net(X), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        net.eval()
        with torch.no_grad():
            correct = sum((net(X).argmax(dim=1) == y).sum().item() for X, y in test_batches)
        accuracies.append(correct / sum(len(y) for _, y in test_batches))
    return accuracies
