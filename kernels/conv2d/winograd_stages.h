#pragma once
/// The stages of a Winograd convolution on the CPU, each on one thread and for part of the work. Internal to the
/// convolution; winograd_plan.cpp puts them together.
///
/// Activations are in blocks of 16 channels. Transformed operands have a slice for each point of a tile, `point` floats
/// apart: one value a tile and channel, the channels contiguous in parts of kDepth. Weights and products are cut into
/// panels of `panel` output channels, the last one filled up with zeros.

#include "kernels/common/activation.h"

namespace engram::kernels::winograd {

/// Products that are summed before they are added to the sums of before, so that rounding errors do not add up over a
/// long sum: most of the error of a Winograd convolution comes from there. It costs 5 % of the speed.
inline constexpr dim_t kDepth = 32;

/// The tiles of results that cover an activation, image after image.
struct TileGrid {
  dim_t images, rows, columns;
  dim_t count() const { return images * rows * columns; }
};

/// Tiles [begin, end) of an activation and their transform at `out`. Pixels outside the image are zeros.
struct TransformArgs {
  ActivationShape shape;
  TileGrid grid;
  dim_t pad_h, pad_w;  ///< how far the first window lies outside
  const float* src;
  dim_t begin, end;
  float* out;
  dim_t point, part, tile;  ///< floats from one point, part of kDepth channels, tile to the next
};

/// One point: c[i][j] = sum over k of a(i, k) b[k][j] for i < rows and the j of one panel; `accumulate` adds to c. The
/// order of a sum depends on `depth` alone.
struct MultiplyArgs {
  const float* a;
  dim_t a_step;  ///< see Stages
  const float* b;
  dim_t b_depth;
  float* c;  ///< rows lie one panel apart
  dim_t rows, depth;
  bool accumulate;
};

/// Tiles [begin, end) of y = act(results + bias + residual) for one panel, from slices of products [tiles, panel].
struct OutputArgs {
  ActivationShape shape;
  TileGrid grid;
  const float* products;
  dim_t point;
  dim_t begin, end;
  dim_t channel;          ///< first of the panel
  const float* bias;      ///< of all channels, or null
  const float* residual;  ///< in the layout of y, or null
  float* y;
  bool relu;
};

/// Plain weights [out, in, 3, 3] and one panel of them: the outputs from `first` on.
struct PanelArgs {
  dim_t out, in;
  dim_t first;
};

/// An algorithm of winograd_transforms.h for one instruction set.
struct Stages {
  const char* name;
  int panel;   ///< output channels in a panel
  int points;  ///< products of a tile
  int result;  ///< results along one side of a tile
  int tiles;   ///< that one thread multiplies at a time, so that operands and products stay in its second-level cache
  int panel_tiles;  ///< the same with large weights, where only the products stay: the more, the less is read again
  void (*transform_input)(const TransformArgs&);
  /// `packed` [in, 9, panel] to slices [in, panel], `point` floats apart.
  void (*transform_weights)(const float* packed, dim_t in, float* transformed, dim_t point);
  /// a(i, k) = a[k / kDepth * a_step + i * kDepth + k % kDepth].
  void (*multiply)(const MultiplyArgs&);
  /// a(i, k) = a[k * a_step + i].
  void (*multiply_transposed)(const MultiplyArgs&);
  void (*transform_output)(const OutputArgs&);
  /// Null in an algorithm for the gradient of the input.
  void (*transform_output_gradient)(const TransformArgs&);
  /// Slices [in, panel] of `sums` to the panel's part of `gw` [out, in, 3, 3].
  void (*transform_weight_gradient)(const PanelArgs&, const float* sums, dim_t point, float* gw);
};

/// Stages for the present instruction_set(), of Stride1, Stride2 and Stride2Gradient.
const Stages& stride1_stages();
const Stages& stride2_stages();
const Stages& stride2_gradient_stages();

/// One panel of plain weights as [in, 9, panel].
void pack_weights(const PanelArgs& args, int panel, const float* weights, float* packed);
/// The same of the mirrored kernels (see mirror_weights.h), from weights [in, out, 3, 3].
void pack_mirrored_weights(const PanelArgs& args, int panel, const float* weights, float* packed);

}  // namespace engram::kernels::winograd
