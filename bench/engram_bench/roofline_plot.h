#pragma once
/// The roofline of a machine with every kernel on it.

#include "apps/common/html.h"
#include "bench/engram_bench/results.h"

namespace engram::bench {

/// <svg>: operations a byte across, operations a second upward, both logarithmic; the measured roof, and a point a row
/// at its declared intensity and median time, named when the pointer rests on it. Rows without operations are counted
/// as one operation a value moved (4 bytes), so that plain copies have a place. Empty without timed rows or a roof.
apps::Html roofline_plot(const Results& results);

/// Its style rules.
apps::Markup roofline_style();

}  // namespace engram::bench
