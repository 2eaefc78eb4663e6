#include "kernels/common/error.h"
#include "kernels/conv2d/conv2d.h"

namespace engram::kernels {
namespace {

std::string describe(const Conv2dShape& s) {
  return message("x [", s.n, ",", s.ic, ",", s.ih, ",", s.iw, "] w [", s.oc, ",", s.groups > 0 ? s.ic / s.groups : 0,
                 ",", s.kh, ",", s.kw, "] stride ", s.stride_h, "x", s.stride_w, " padding ", s.pad_h, "x", s.pad_w,
                 " groups ", s.groups, " blocks ", s.x_block, " and ", s.y_block);
}

bool fits_block(dim_t channels, dim_t block, bool channels_last) {
  if (channels_last) return block == channels;
  return block == 1 || (block == kCpuChannelBlock && channels % block == 0);
}

}  // namespace

void check_conv2d_shape(const Conv2dShape& s, bool channels_last) {
  const auto fail = [&](const char* expected) {
    throw UsageError(message("[conv2d] expected ", expected, ", got ", describe(s)));
  };
  if (s.n < 0 || s.ic < 1 || s.oc < 1 || s.ih < 1 || s.iw < 1 || s.kh < 1 || s.kw < 1) fail("positive extents");
  if (s.stride_h < 1 || s.stride_w < 1) fail("strides of at least 1");
  if (s.pad_h < 0 || s.pad_w < 0) fail("padding of at least 0");
  if (s.groups < 1 || s.ic % s.groups != 0 || s.oc % s.groups != 0) fail("groups that divide the channels");
  if (s.ih + 2 * s.pad_h < s.kh || s.iw + 2 * s.pad_w < s.kw) fail("a kernel no larger than the padded input");
  if (!fits_block(s.ic, s.x_block, channels_last) || !fits_block(s.oc, s.y_block, channels_last))
    fail(channels_last ? "blocks of all channels" : "blocks of 1, or 16 with channels a multiple of it");
}

Cost conv2d_cost(const Conv2dShape& s, ConvPass pass) {
  const std::int64_t x = s.x().count() * 4, y = s.y().count() * 4, w = s.weight_count() * 4;
  const std::int64_t result = pass == ConvPass::kFprop ? y : pass == ConvPass::kDgrad ? x : w;
  return {.bytes_read = x + y + w - result,
          .bytes_written = result,
          .flops = 2 * s.y().count() * (s.ic / s.groups) * s.kh * s.kw};
}

}  // namespace engram::kernels
