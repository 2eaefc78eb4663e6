#pragma once
/// A drawn data set for out-of-distribution generalisation that everybody has: seven shapes in four styles, a stand-in
/// for PACS with the same number of classes and domains.

#include "models/data/environments.h"

namespace engram {

struct ShapesInStylesOptions {
  dim_t side = 64;         ///< of the square colour images, 8 to 256 pixels
  dim_t images = 400;      ///< of a shape in a style; the style "line" has unequal shares of them
  std::uint64_t seed = 1;  ///< of everything that is drawn
};

/// Shapes: disc, square, triangle, star, ring, cross, crescent, at random places, sizes and turns. Styles, one an
/// environment: "textured" (a striped shape on a striped ground), "flat" (one colour on another, with an outline),
/// "painted" (noisy colours whose noise is as coarse as brush strokes), "line" (a black outline on white, whose classes
/// have between a quarter and all of `images`, as PACS's sketches are uneven). Second labels: the styles. Throws
/// UsageError for numbers outside their range.
Environments draw_shapes_in_styles(const ShapesInStylesOptions& options);

}  // namespace engram
