class FlippedBatches:
    """The batches of `data_iter`, with half of the images turned left to right."""

    def __init__(self, data_iter, seed):
        # answer
        self.data_iter = data_iter
        self.generator = torch.Generator().manual_seed(seed)
        # end of answer

    def __len__(self):
        # answer
        return len(self.data_iter)
        # end of answer

    def __iter__(self):
        # answer
        for X, y in self.data_iter:
            turned = torch.rand(len(X), generator=self.generator) < 0.5  # one coin for each image
            yield torch.where(turned.to(X.device).view(-1, 1, 1, 1), X.flip(-1), X), y
        # end of answer
