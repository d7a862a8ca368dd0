"""What a batch or a net gives, if it is not what it should be: a sentence, wherever nets train or are evaluated."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from d2lhelpers import evaluate_accuracy_gpu, train_ch6, train_side_by_side
from d2lhelpers.batches import check_labels, checked_batches, count_not_finite, number_of_batches, scores_of
from small_batches import random_batches

X, Y = torch.rand(4, 1, 8, 8), torch.tensor([0, 1, 2, 0])


def linear() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 3))


def train(net, batches) -> None:
    train_ch6(net, batches, batches, 1, 0.1, "cpu")


def train_beside(net, batches) -> None:
    list(train_side_by_side({"net": net}, batches, 0.1, device="cpu"))


everywhere = pytest.mark.parametrize("use", [train, evaluate_accuracy_gpu, train_beside])


@everywhere
@pytest.mark.parametrize(
    "batches, message",
    [
        ([{"images": X, "labels": Y}], "pairs .* got a dict of 2"),
        ([(X, Y, Y)], "pairs .* got a tuple of 3"),
        (["XY"], "pairs .* got a str"),
        ([X[:2]], "pairs .* got a Tensor"),
        ([(X.numpy(), Y.numpy())], "got a pair with a ndarray. A DataLoader makes batches of tensors"),
        ([(X, Y.tolist())], "got a pair with a list"),
        ([([X, X.numpy()], Y)], "got a pair with a ndarray"),
        (TensorDataset(X, Y), "a single label, as a data set yields. A DataLoader makes batches"),
        ([(X[0], 1)], "got a pair with a int"),
    ],
)
def test_what_is_no_pair_of_tensors_is_refused(use, batches, message):
    with pytest.raises(TypeError, match=message):
        use(linear(), batches)


@everywhere
@pytest.mark.parametrize("wrap, kind", [(lambda y: {"scores": y}, "dict"), (lambda y: (y, y), "tuple")])
def test_a_net_that_returns_no_tensor_is_refused(use, wrap, kind):
    class Wraps(nn.Sequential):
        def forward(self, X):
            return wrap(super().forward(X))

    with pytest.raises(TypeError, match=f"one tensor, \\(batch, classes\\); got a {kind}"):
        use(Wraps(*linear()), [(X, Y)])


@everywhere
def test_an_error_of_the_net_names_the_shape_that_the_learner_gave(use):
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(72, 3))
    with pytest.raises(RuntimeError, match=r"the net failed on images of shape \(4, 8, 8\): .*1 channels"):
        use(net, [(X.squeeze(1), Y)])


@pytest.mark.parametrize("use", [train, train_beside])
def test_a_batch_of_one_before_batch_norm_is_explained(use):
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 3), nn.BatchNorm1d(3))
    with pytest.raises(ValueError, match=r"shape \(1, 1, 8, 8\).*needs two images or more.*drop_last=True"):
        use(net, [(X, Y), (X[:1], Y[:1])])


@pytest.mark.parametrize("use", [train, train_beside])
@pytest.mark.parametrize(
    "y, message",
    [
        (Y.float(), "dtype int64; got torch.float32"),
        (Y.int(), "dtype int64; got torch.int32"),
        (nn.functional.one_hot(Y).float(), r"labels of shape \(4, 3\)"),
        (Y[:3], r"scores of shape \(4, 3\) for labels of shape \(3,\)"),
        (Y + 1, "expected labels from 0 to 2"),
    ],
)
def test_labels_that_cross_entropy_cannot_take_are_refused_before_a_weight_is_changed(use, y, message):
    net = linear()
    with pytest.raises(ValueError, match=message):
        use(net, [(X, y)])
    assert all(weight.grad is None for weight in net.parameters())


def test_memory_errors_and_the_nets_own_mistakes_are_left_as_they_are():
    class Fails(nn.Module):
        def forward(self, X):
            raise error

    for error in (torch.OutOfMemoryError("no room"), AttributeError("no such layer"), KeyboardInterrupt()):
        with pytest.raises(type(error)) as caught:
            scores_of(Fails(), X)
        assert caught.value is error


def test_a_length_is_asked_for_in_a_sentence():
    class Stream(IterableDataset):
        def __iter__(self):
            yield from zip(X, Y)

    for data_iter in (DataLoader(Stream(), batch_size=2), iter([])):
        with pytest.raises(
            TypeError, match=f"train_iter must be an iterable with a length.*{type(data_iter).__name__}"
        ):
            number_of_batches(data_iter, "train_iter")
    assert number_of_batches(DataLoader(TensorDataset(X, Y), batch_size=3), "train_iter") == 2
    list_of_stream = list(DataLoader(Stream(), batch_size=2))
    train(linear(), list_of_stream)


def test_good_batches_come_as_they_are():
    batches = random_batches([3, 2])
    assert all(a is b for a, b in zip(checked_batches(batches, "batches"), batches))


def test_values_that_are_not_finite_are_counted_also_in_lists():
    bad = torch.tensor([float("nan"), 1.0, float("inf")])
    assert count_not_finite(bad) == 2 and count_not_finite([bad, [bad, X]]) == 4 and count_not_finite(Y) == 0


def test_labels_have_to_be_classes():
    check_labels(Y, 3)
    with pytest.raises(ValueError, match="labels run from 0 to 2, but the scores have 2 classes"):
        check_labels(Y, 2)
    with pytest.raises(ValueError, match="no example"):
        check_labels(Y[:0], 2)
