"""Lines that grow while a net trains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from d2lhelpers.page.live_output import LiveOutput, MimeBundle
from d2lhelpers.page.plotting import LINE_STYLES, OKABE_ITO, picture, subplots

FEW_POINTS = 12
"""A line of no more points than this has markers: of a single point there is no line to see."""


class Animator:
    """Draw lines that grow point by point, in place.

    What was printed before the figure stays; the last state is what the notebook records. Redraws
    are spaced so that they take at most a tenth of the time. In a plain script nothing is shown;
    ``animator.draw()`` followed by ``animator.fig.savefig(path)`` keeps the figure there.

    Parameters
    ----------
    xlabel, ylabel : str, optional
        Labels of the axes.
    legend : sequence of str, optional
        Names of the lines.
    xlim, ylim : (float, float), optional
        Limits; they widen when a point lies outside, so that no point is hidden. The higher one
        first turns the axis upside down.
    xscale, yscale : str
        "linear" or "log".
    fmts : sequence of str, optional
        Matplotlib formats, used in turn; by default colors and dashes that everybody can tell apart.
    nrows, ncols : int
        Panels. The first line is drawn in the first panel, the second in the second, and so on; the
        last panel takes all that are left.
    figsize : (float, float)
        Width and height in inches.

    Attributes
    ----------
    fig, axes
        The Matplotlib figure, and the list of its panels.
    X, Y : list of list of float
        The points of each line, none left out.

    References
    ----------
    *Dive into Deep Learning*, section "Softmax Regression from Scratch", has the class of this name.
    """

    def __init__(
        self,
        xlabel: str | None = None,
        ylabel: str | None = None,
        legend: Sequence[str] | None = None,
        xlim: Sequence[float] | None = None,
        ylim: Sequence[float] | None = None,
        xscale: str = "linear",
        yscale: str = "linear",
        fmts: Sequence[str] | None = None,
        nrows: int = 1,
        ncols: int = 1,
        figsize: tuple[float, float] = (5.5, 3.2),
    ) -> None:
        self.fig, axes = subplots(nrows, ncols, figsize=figsize, squeeze=False)
        self.axes = list(axes.flat)
        self.legend, self.fmts = list(legend or []), fmts
        self.xlabel, self.xlim, self.ylim = xlabel, xlim, ylim
        for panel in self.axes:
            panel.set(xlabel=xlabel, ylabel=ylabel, xscale=xscale, yscale=yscale)
            if xscale == "linear":
                panel.xaxis.get_major_locator().set_params(integer=True)  # where there are two: no quarters of an epoch
        self.X: list[list[float]] = []
        self.Y: list[list[float]] = []
        self._lines: list[Any] = []
        self._output = LiveOutput(self._render)

    def add(self, x: Any, y: Any) -> None:
        """Add one point to each line.

        Parameters
        ----------
        x : float, or sequence of float
            One for all lines, or one for each.
        y : float, or sequence of float
            One for each line. Where `x` or `y` is None, the line gets no point; where `y` is nan, it is
            broken, and what comes after is not joined to what came before.

        Raises
        ------
        ValueError
            If there are fewer or more values than there are lines.
        """
        y = _numbers(y)
        x = _numbers(x, len(y))
        count = len(self.X) or max(len(y), 1)
        if not len(x) == len(y) == count:
            raise ValueError(f"this Animator draws {count} lines; add() got {len(x)} x and {len(y)} y values")
        if not self.X:
            self._start_lines(count)
        for X, Y, a, b in zip(self.X, self.Y, x, y):
            if a is not None and b is not None:
                X.append(a)
                Y.append(b)
        self._output.changed()

    def draw(self) -> None:
        """Bring the figure up to date, and redraw it now if this is a notebook."""
        self._update_lines()
        self._output.draw()

    def description(self) -> str:
        """Return in words what the figure shows: the last value of each line."""
        names = self.legend or [f"line {i + 1}" for i in range(len(self.X))]
        last = [
            f"{name} {Y[-1]:.3g} at {self.xlabel or 'x'} {X[-1]:.3g}" if X else f"{name} no point yet"
            for name, X, Y in zip(names, self.X, self.Y)
        ]
        return f"Line plot, last values: {'; '.join(last)}." if last else "Line plot without points yet."

    def _start_lines(self, count: int) -> None:
        """Make `count` empty lines in their panels."""
        if self.legend and len(self.legend) != count:
            raise ValueError(f"the legend names {len(self.legend)} lines; add() got {count} values")
        self.X, self.Y = [[] for _ in range(count)], [[] for _ in range(count)]
        for i in range(count):
            look = {"color": OKABE_ITO[i % len(OKABE_ITO)], "linestyle": LINE_STYLES[i % len(LINE_STYLES)]}
            formats = [self.fmts[i % len(self.fmts)]] if self.fmts else []
            panel = self.axes[min(i, len(self.axes) - 1)]
            self._lines += panel.plot([], [], *formats, **({} if formats else look), markersize=4)
            if self.legend:
                self._lines[i].set_label(self.legend[i])
        if self.legend:
            for panel in self.axes[:count]:
                panel.legend(frameon=False)

    def _update_lines(self) -> None:
        for line, X, Y in zip(self._lines, self.X, self.Y):
            line.set_data(X, Y)
            if not self.fmts:
                line.set_marker("o" if len(X) <= FEW_POINTS else "")
        for panel in self.axes:
            panel.relim()
            panel.autoscale_view()
            _widen(panel.set_xlim, self.xlim, panel.dataLim.intervalx)
            _widen(panel.set_ylim, self.ylim, panel.dataLim.intervaly)
        for line in self._lines:
            line.set_clip_on(not _shows_all(line.axes))  # a marker at the edge is drawn whole

    def _render(self) -> MimeBundle:
        self._update_lines()
        return picture(self.fig, self.description(), dots_per_inch=96, compact=False)


def _numbers(value: Any, count: int = 1) -> list[float | None]:
    """Return the numbers of a sequence, or one number `count` times; tensors may have a gradient."""
    if not hasattr(value, "__len__") or getattr(value, "ndim", None) == 0:
        value = [value] * count
    return [None if v is None else float(v.detach() if hasattr(v, "detach") else v) for v in value]


def _widen(set_limits: Any, wanted: Sequence[float] | None, data: Sequence[float]) -> None:
    """Set the wanted limits of an axis, widened to what the data need; without a wish keep Matplotlib's."""
    if wanted is not None:
        ends = [*wanted, *(data if all(abs(value) < float("inf") for value in data) else ())]
        low, high = min(ends), max(ends)
        if low < high:
            set_limits(*((low, high) if wanted[0] <= wanted[1] else (high, low)))


def _shows_all(panel: Any) -> bool:
    """Tell whether no point lies outside the limits, as one may where the learner has set them."""
    limits = [(panel.get_xlim(), panel.dataLim.intervalx), (panel.get_ylim(), panel.dataLim.intervaly)]
    return all(min(ends) <= min(data) and max(data) <= max(ends) for ends, data in limits)
