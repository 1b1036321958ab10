"""What does Winograd's algorithm add up before and after it multiplies?

Of tiles d of 6 × 6 inputs and filters g of 3 × 3 taps it makes 4 × 4 outputs with 36 products instead of 144:

    y = Aᵀ [ (G g Gᵀ) ⊙ (Bᵀ d B) ] A

It multiplies polynomials by their values at six points, which round more kindly than the textbook's 0, ±1, ±2, ∞. The
gradient of the taps is a correlation too, of a tile with 4 × 4 output gradients: same points, same Bᵀ.

Each function is one of the matrices times a vector, in as few operations as its symmetry allows: the points come in
pairs ±p, whose rows share halves of their sums. Entries of the vector are numbers, or whatever adds and subtracts and
may be multiplied by a fraction from the left.
"""

from __future__ import annotations

from fractions import Fraction as Q

POINTS = (Q(0), Q(5, 8), Q(-5, 8), Q(3, 2), Q(-3, 2))  # and infinity
COUNT = 6


def data(d):
    """Bᵀ d: six inputs, at the six points."""
    near, near_odd = d[4] - Q(9, 4) * d[2], d[3] - Q(9, 4) * d[1]
    far, far_odd = d[4] - Q(25, 64) * d[2], d[3] - Q(25, 64) * d[1]
    return (
        Q(225, 256) * d[0] + (d[4] - Q(169, 64) * d[2]),
        near + Q(5, 8) * near_odd,
        near - Q(5, 8) * near_odd,
        far + Q(3, 2) * far_odd,
        far - Q(3, 2) * far_odd,
        Q(225, 256) * d[1] + (d[5] - Q(169, 64) * d[3]),
    )


def filters(g):
    """G g: three taps, at the six points."""
    near, near_odd = Q(-2048, 2975) * g[0] - Q(32, 119) * g[2], Q(256, 595) * g[1]
    far, far_odd = Q(128, 1071) * g[0] + Q(32, 119) * g[2], Q(64, 357) * g[1]
    return Q(256, 225) * g[0], near - near_odd, near + near_odd, far + far_odd, far - far_odd, g[2]


def gradients(g):
    """G g of four taps, which are the output gradients of a tile."""
    near, near_odd = Q(-2048, 2975) * g[0] - Q(32, 119) * g[2], Q(256, 595) * g[1] + Q(20, 119) * g[3]
    far, far_odd = Q(128, 1071) * g[0] + Q(32, 119) * g[2], Q(64, 357) * g[1] + Q(48, 119) * g[3]
    return Q(256, 225) * g[0], near - near_odd, near + near_odd, far + far_odd, far - far_odd, g[3]


def outputs(m):
    """Aᵀ m: four outputs, of products at the six points."""
    near, near_odd, far, far_odd = m[1] + m[2], m[1] - m[2], m[3] + m[4], m[3] - m[4]
    return (
        m[0] + (near + far),
        Q(5, 8) * near_odd + Q(3, 2) * far_odd,
        Q(25, 64) * near + Q(9, 4) * far,
        Q(125, 512) * near_odd + (Q(27, 8) * far_odd + m[5]),
    )


def taps(m):
    """Aᵀ m: three outputs, which are the gradients of the taps."""
    near, near_odd, far, far_odd = m[1] + m[2], m[1] - m[2], m[3] + m[4], m[3] - m[4]
    return (
        m[0] + (near + far),
        Q(5, 8) * near_odd + Q(3, 2) * far_odd,
        Q(25, 64) * near + (Q(9, 4) * far + m[5]),
    )
