"""The book's two-dimensional cross-correlation."""

from __future__ import annotations

import torch


def corr2d(X: torch.Tensor, K: torch.Tensor) -> torch.Tensor:
    """Slide the kernel `K` over the image `X` and sum the products at each place.

    Parameters
    ----------
    X : torch.Tensor, or what makes one (a NumPy array, nested lists)
        Of shape (height, width).
    K : torch.Tensor, or what makes one
        Of shape (kernel height, kernel width), no larger than `X`.

    Returns
    -------
    torch.Tensor
        Of shape (height - kernel height + 1, width - kernel width + 1).

    Raises
    ------
    ValueError
        If one of them has not two dimensions, or the kernel is larger than the image.
    """
    X, K = torch.as_tensor(X), torch.as_tensor(K)
    if X.dim() != 2 or K.dim() != 2:
        raise ValueError(f"corr2d takes an image and a kernel of two dimensions; got {X.dim()} and {K.dim()}")
    if K.shape[0] > X.shape[0] or K.shape[1] > X.shape[1]:
        raise ValueError(f"the kernel {tuple(K.shape)} is larger than the image {tuple(X.shape)}")
    windows = X.unfold(0, K.shape[0], 1).unfold(1, K.shape[1], 1)
    return (windows * K).sum(dim=(2, 3))
