def evaluate(net, batches):
    """Return the share of the images that the net classifies rightly."""
    net.eval()
    shares = []  # broken
    correct, total = 0, 0  # mended
    with torch.no_grad():
        for X, y in batches:
            predicted = net(X).argmax(dim=1)
            shares.append((predicted == y).float().mean().item())  # broken
            correct += (predicted == y).sum().item()  # mended
            total += len(y)  # mended
    return sum(shares) / len(shares)  # broken
    return correct / total  # mended
