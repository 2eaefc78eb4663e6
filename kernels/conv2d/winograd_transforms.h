#pragma once
/// The transforms of Winograd's minimal filtering: a tile of results of a 3x3 convolution by fewer products than direct
/// sums take (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016). Internal to the
/// convolution.
///
/// y = A^T [(G g G^T) * (B^T d B)] A, with inputs d, kernels g and elementwise products. The matrices evaluate
/// polynomials at +-a, +-b, infinity and, for stride 1, 0. a and b are the pairs with the least error of those tried
/// (multiples of 1/8, so that their powers are exact in f32); the paper's 1 and 2 lose three times as much.
///
/// Each algorithm is a struct with its extents along one side of a tile and its matrices as products with a line (a row
/// or a column), in place where nothing else is said. The gradient of the weights is the adjoint:
/// G^T [(A gy A^T) * (B^T d B)] G.

#include "kernels/common/inline.h"

namespace engram::kernels::winograd {

inline constexpr int kTaps = 3;  ///< extent of the kernel

/// One row or column: element i at p[i * step].
template <class T>
struct Line {
  T* p;
  int step = 1;
  ENGRAM_ALWAYS_INLINE T& operator[](int i) const { return p[i * step]; }
};

/// F(4x4, 3x3): 36 products for 16 results instead of 144.
struct Stride1 {
  static constexpr int kWindow = 6;  ///< inputs of a tile
  static constexpr int kStep = 4;    ///< inputs from one tile to the next
  static constexpr int kSide = 6;    ///< points: products of a tile
  static constexpr int kResult = 4;  ///< results of a tile

  static constexpr float kA = 0.625f, kB = 1.5f;
  static constexpr float kA2 = kA * kA, kB2 = kB * kB, kA3 = kA * kA2, kB3 = kB * kB2;
  static constexpr float kProduct = kA2 * kB2, kSum = kA2 + kB2;
  /// Reciprocal products of the distances between points.
  static constexpr float kInverse0 = float(1 / (double(kA2) * kB2)),
                         kInverseA = float(1 / (2 * double(kA2) * (double(kA2) - kB2))),
                         kInverseB = float(1 / (2 * double(kB2) * (double(kB2) - kA2)));

  /// B^T d.
  template <class T>
  static ENGRAM_ALWAYS_INLINE void inputs(Line<T> d) {
    const T even_a = d[4] - kB2 * d[2], odd_a = d[3] - kB2 * d[1];
    const T even_b = d[4] - kA2 * d[2], odd_b = d[3] - kA2 * d[1];
    d[0] = d[4] - kSum * d[2] + kProduct * d[0];
    d[5] = d[5] - kSum * d[3] + kProduct * d[1];
    d[1] = even_a + kA * odd_a;
    d[2] = even_a - kA * odd_a;
    d[3] = even_b + kB * odd_b;
    d[4] = even_b - kB * odd_b;
  }

  /// u = G g.
  template <class T>
  static ENGRAM_ALWAYS_INLINE void kernel(Line<const T> g, Line<T> u) {
    const T even_a = g[0] + kA2 * g[2], odd_a = kA * g[1];
    const T even_b = g[0] + kB2 * g[2], odd_b = kB * g[1];
    u[0] = kInverse0 * g[0];
    u[1] = kInverseA * (even_a + odd_a);
    u[2] = kInverseA * (even_a - odd_a);
    u[3] = kInverseB * (even_b + odd_b);
    u[4] = kInverseB * (even_b - odd_b);
    u[5] = g[2];
  }

  /// A^T m.
  template <class T>
  static ENGRAM_ALWAYS_INLINE void products(Line<T> m) {
    const T even_a = m[1] + m[2], odd_a = m[1] - m[2];
    const T even_b = m[3] + m[4], odd_b = m[3] - m[4];
    m[0] = m[0] + even_a + even_b;
    m[1] = kA * odd_a + kB * odd_b;
    m[2] = kA2 * even_a + kB2 * even_b;
    m[3] = kA3 * odd_a + kB3 * odd_b + m[5];
  }

  /// A gy.
  template <class T>
  static ENGRAM_ALWAYS_INLINE void result_gradients(Line<T> g) {
    const T even_a = g[0] + kA2 * g[2], odd_a = kA * g[1] + kA3 * g[3];
    const T even_b = g[0] + kB2 * g[2], odd_b = kB * g[1] + kB3 * g[3];
    g[5] = g[3];
    g[1] = even_a + odd_a;
    g[2] = even_a - odd_a;
    g[3] = even_b + odd_b;
    g[4] = even_b - odd_b;
  }

  /// G^T c.
  template <class T>
  static ENGRAM_ALWAYS_INLINE void kernel_gradients(Line<T> c) {
    const T even_a = kInverseA * (c[1] + c[2]), odd_a = kInverseA * (c[1] - c[2]);
    const T even_b = kInverseB * (c[3] + c[4]), odd_b = kInverseB * (c[3] - c[4]);
    c[0] = kInverse0 * c[0] + even_a + even_b;
    c[1] = kA * odd_a + kB * odd_b;
    c[2] = kA2 * even_a + kB2 * even_b + c[5];
  }
};

/// F(4, 2): four results of two taps by five products. The half of a strided convolution that reads every other input.
struct TwoTaps {
  static constexpr float kA = 0.5f, kB = 1.25f;
  static constexpr float kA2 = kA * kA, kB2 = kB * kB, kProduct = kA2 * kB2, kSum = kA2 + kB2;
  static constexpr float kInverseA = float(1 / (2 * double(kA) * (double(kA2) - kB2))),
                         kInverseB = float(1 / (2 * double(kB) * (double(kB2) - kA2)));

  /// v = B^T d.
  template <class T>
  static ENGRAM_ALWAYS_INLINE void inputs(const T (&d)[5], T (&v)[5]) {
    const T odd_a = d[3] - kB2 * d[1], even_a = d[2] - kB2 * d[0];
    const T odd_b = d[3] - kA2 * d[1], even_b = d[2] - kA2 * d[0];
    v[0] = odd_a + kA * even_a;
    v[1] = odd_a - kA * even_a;
    v[2] = odd_b + kB * even_b;
    v[3] = odd_b - kB * even_b;
    v[4] = d[4] - kSum * d[2] + kProduct * d[0];
  }

  /// y = A^T m.
  template <class T>
  static ENGRAM_ALWAYS_INLINE void products(const T (&m)[5], T (&y)[4]) {
    const T even_a = m[0] + m[1], odd_a = kA * (m[0] - m[1]);
    const T even_b = m[2] + m[3], odd_b = kB * (m[2] - m[3]);
    y[0] = even_a + even_b;
    y[1] = odd_a + odd_b;
    y[2] = kA2 * even_a + kB2 * even_b;
    y[3] = kA2 * odd_a + kB2 * odd_b + m[4];
  }
};

/// Stride 2: outer taps by F(4, 2) on the even inputs of a window, the middle tap directly on the odd ones. 81 products
/// for 16 results instead of 144.
struct Stride2 {
  static constexpr int kWindow = 9, kStep = 8, kSide = 9, kResult = 4;

  template <class T>
  static ENGRAM_ALWAYS_INLINE void inputs(Line<T> d) {
    const T even[5] = {d[0], d[2], d[4], d[6], d[8]}, odd[4] = {d[1], d[3], d[5], d[7]};
    T v[5];
    TwoTaps::inputs(even, v);
    for (int i = 0; i < 5; ++i) d[i] = v[i];
    for (int i = 0; i < 4; ++i) d[5 + i] = odd[i];
  }

  template <class T>
  static ENGRAM_ALWAYS_INLINE void kernel(Line<const T> g, Line<T> u) {
    using P = TwoTaps;
    u[0] = P::kInverseA * (g[0] + P::kA * g[2]);
    u[1] = -P::kInverseA * (g[0] - P::kA * g[2]);
    u[2] = P::kInverseB * (g[0] + P::kB * g[2]);
    u[3] = -P::kInverseB * (g[0] - P::kB * g[2]);
    u[4] = g[2];
    for (int i = 5; i < kSide; ++i) u[i] = g[1];
  }

  template <class T>
  static ENGRAM_ALWAYS_INLINE void products(Line<T> m) {
    const T outer[5] = {m[0], m[1], m[2], m[3], m[4]};
    T y[4];
    TwoTaps::products(outer, y);
    for (int i = 0; i < 4; ++i) m[i] = y[i] + m[5 + i];
  }

  template <class T>
  static ENGRAM_ALWAYS_INLINE void result_gradients(Line<T> g) {
    using P = TwoTaps;
    const T y[4] = {g[0], g[1], g[2], g[3]};
    const T even_a = y[0] + P::kA2 * y[2], odd_a = P::kA * (y[1] + P::kA2 * y[3]);
    const T even_b = y[0] + P::kB2 * y[2], odd_b = P::kB * (y[1] + P::kB2 * y[3]);
    g[0] = even_a + odd_a;
    g[1] = even_a - odd_a;
    g[2] = even_b + odd_b;
    g[3] = even_b - odd_b;
    g[4] = y[3];
    for (int i = 0; i < 4; ++i) g[5 + i] = y[i];
  }

  template <class T>
  static ENGRAM_ALWAYS_INLINE void kernel_gradients(Line<T> c) {
    using P = TwoTaps;
    const T first = P::kInverseA * (c[0] - c[1]) + P::kInverseB * (c[2] - c[3]);
    const T last = P::kInverseA * P::kA * (c[0] + c[1]) + P::kInverseB * P::kB * (c[2] + c[3]) + c[4];
    c[1] = (c[5] + c[6]) + (c[7] + c[8]);
    c[0] = first;
    c[2] = last;
  }
};

/// The gradient of the input of a convolution with stride 2 and padding 1, as a convolution of the output's gradient
/// with the mirrored kernel: inputs at even places take the middle tap alone, those at odd places the outer taps.
struct Stride2Gradient {
  static constexpr int kWindow = 5, kStep = 4, kSide = 9, kResult = 8;

  template <class T>
  static ENGRAM_ALWAYS_INLINE void inputs(Line<T> d) {
    const T window[5] = {d[0], d[1], d[2], d[3], d[4]};
    T v[5];
    TwoTaps::inputs(window, v);
    for (int i = 0; i < 5; ++i) d[i] = v[i];
    for (int i = 0; i < 4; ++i) d[5 + i] = window[i];
  }

  template <class T>
  static ENGRAM_ALWAYS_INLINE void kernel(Line<const T> g, Line<T> u) {
    Stride2::kernel(g, u);
  }

  template <class T>
  static ENGRAM_ALWAYS_INLINE void products(Line<T> m) {
    const T outer[5] = {m[0], m[1], m[2], m[3], m[4]}, middle[4] = {m[5], m[6], m[7], m[8]};
    T y[4];
    TwoTaps::products(outer, y);
    for (int i = 0; i < 4; ++i) {
      m[2 * i] = middle[i];
      m[2 * i + 1] = y[i];
    }
  }
};

}  // namespace engram::kernels::winograd
