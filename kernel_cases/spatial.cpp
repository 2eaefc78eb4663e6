/// Padding, crops, flips and moves of rows.

#include "kernels/spatial/spatial.h"

#include <algorithm>
#include <cstring>

#include "kernel_cases/kernel_case.h"
#include "kernel_cases/staged.h"

namespace engram::kernels {

ActivationShape padded(const PadArgs& a) {
  const ActivationShape& x = a.x_shape;
  return {x.n, x.c, x.h + a.top + a.bottom, x.w + a.left + a.right, x.block};
}

void describe(cases::Operands& o, PadArgs& a) {
  o.in("x", a.x, a.x_shape.count()).in_order_of(a.x_shape);
  o.out("y", a.y, padded(a).count()).in_order_of(padded(a));
}

void describe(cases::Operands& o, ShiftedCropArgs& a) {
  const ActivationShape y = {a.x_shape.n, a.x_shape.c, a.out_h, a.out_w, a.x_shape.block};
  o.in("x", a.x, a.x_shape.count()).in_order_of(a.x_shape);
  o.in("offsets", a.offsets, 2 * a.x_shape.n).filled([count = 2 * a.x_shape.n](void* to) {
    for (dim_t i = 0; i < count; ++i) static_cast<std::int32_t*>(to)[i] = std::int32_t(i % 9) - 4;
  });
  o.out("y", a.y, y.count()).in_order_of(y);
}

void describe(cases::Operands& o, HorizontalFlipArgs& a) {
  o.in("x", a.x, a.shape.count()).in_order_of(a.shape);
  o.in("flags", a.flags, a.shape.n).optional().filled([count = a.shape.n](void* to) {
    for (dim_t i = 0; i < count; ++i) static_cast<std::uint8_t*>(to)[i] = std::uint8_t(i % 2);
  });
  o.out("y", a.y, a.shape.count()).in_order_of(a.shape);
}

/// Rows that an index reaches; without one, as many as it has places.
dim_t extent_of(const std::int32_t* index, dim_t count) {
  if (count == 0) return 0;
  return index == cases::wanted<std::int32_t>() ? count : dim_t(*std::max_element(index, index + count)) + 1;
}

void describe(cases::Operands& o, GatherRowsArgs& a) {
  const dim_t bytes = extent_of(a.index, a.rows) * a.row_bytes;
  o.in_bytes("x", a.x, {0, bytes - 1, bytes == 0}, 1);
  o.in("index", a.index, a.rows).filled([rows = a.rows](void* to) {
    for (dim_t i = 0; i < rows; ++i) static_cast<std::int32_t*>(to)[i] = std::int32_t(i * 7 % rows);
  });
  o.out_bytes("y", a.y, {0, a.rows * a.row_bytes - 1, a.rows * a.row_bytes == 0}, 1);
}

void describe(cases::Operands& o, ScatterAddRowsArgs& a) {
  o.in("x", a.x, a.rows * a.width);
  const dim_t targets = extent_of(a.index, a.rows);
  o.in("index", a.index, a.rows).values(0, std::max(1.0, double(a.rows) / 27));  // rows meet
  o.inout("y", a.y, targets * a.width);
}

void describe(cases::Operands& o, FirstOutOfRangeArgs& a) {
  o.in("index", a.index, a.count).values(0, double(a.bound) + 0.01);
  o.out("first", a.first, 1);
}

void expect(const PadArgs& a, cases::Expected& e) {
  reference::pad(a.x_shape, a.top, a.bottom, a.left, a.right, a.value, e.in("x"), e.out("y", {}));
}

void expect(const ShiftedCropArgs& a, cases::Expected& e) {
  std::vector<std::int32_t> offsets(a.offsets, a.offsets + 2 * a.x_shape.n);
  for (std::int32_t& offset : offsets) offset = a.negate_offsets ? -offset : offset;
  reference::shifted_crop(a.x_shape, offsets.data(), a.out_h, a.out_w, e.in("x"), e.out("y", {}));
}

void expect(const HorizontalFlipArgs& a, cases::Expected& e) {
  const std::vector<std::uint8_t> all(std::size_t(a.shape.n), 1);
  reference::horizontal_flip(a.shape, a.flags ? a.flags : all.data(), e.in("x"), e.out("y", {}));
}

void expect(const GatherRowsArgs& a, cases::Expected& e) {
  e.afterwards([&a]() -> std::string {
    for (dim_t i = 0; i < a.rows; ++i)
      if (std::memcmp(static_cast<const char*>(a.y) + i * a.row_bytes,
                      static_cast<const char*>(a.x) + a.index[i] * a.row_bytes, std::size_t(a.row_bytes)) != 0)
        return "y: expected row " + std::to_string(a.index[i]) + " at " + std::to_string(i) + ", got another";
    return {};
  });
}

void expect(const ScatterAddRowsArgs& a, cases::Expected& e) {
  double* y = e.out("y", {.absolute = 1e-5});
  std::copy(e.in("y"), e.in("y") + a.rows * a.width, y);
  reference::scatter_add_rows(e.in("x"), a.index, a.rows, a.width, y);
}

void expect(const FirstOutOfRangeArgs& a, cases::Expected& e) {
  const auto outside = [&](std::int32_t position) { return position < 0 || position >= a.bound; };
  const auto* found = std::find_if(a.index, a.index + a.count, outside);
  *e.out("first", {}) = found == a.index + a.count ? -1 : double(found - a.index);
}

const SpatialKernels kStagedSpatial = {
    cases::staged<&SpatialKernels::pad>,
    cases::staged<&SpatialKernels::shifted_crop>,
    cases::staged<&SpatialKernels::horizontal_flip>,
    cases::staged<&SpatialKernels::gather_rows>,
    cases::staged<&SpatialKernels::scatter_add_rows>,
    cases::staged<&SpatialKernels::first_out_of_range>,
};

}  // namespace engram::kernels

namespace engram::cases {

using namespace kernels;  // NOLINT(google-build-using-namespace): every name here is one of theirs

namespace {

// Of up to five images.
const std::int32_t kOffsets[] = {0, 0, -2, 3, 4, -4, 1, 1, -40, 40};
const std::uint8_t kFlags[] = {1, 0, 255, 0, 1};

void add_pad_cases(CaseList& list, const ActivationShape& s) {
  struct Borders {
    dim_t top, bottom, left, right;
  };
  for (const Borders& b : list.sizes<Borders>({{1, 2, 3, 0}, {0, 0, 0, 0}, {-1, 2, 1, -3}, {-5, 1, 0, 0}},
                                              {{4, 4, 4, 4}}, {{4, 4, 4, 4}})) {
    const PadArgs args = {
        .x_shape = s, .top = b.top, .bottom = b.bottom, .left = b.left, .right = b.right, .value = 0.5f};
    list.add(
            "spatial/pad", shape_text(s) + ", by " + shape_text({b.top, b.bottom, b.left, b.right}),
            [](auto& k) { return k.spatial.pad; }, args, pad_cost(args), expect)
        .allowed({1.05, 0.93, "rows of 40 values start and end inside sectors"});
  }
}

void add_crop_cases(CaseList& list, const ActivationShape& s) {
  for (const dim_t grow : list.odd() ? std::vector<dim_t>{0, 2, -2} : std::vector<dim_t>{0})
    for (const bool negate : list.odd() ? std::vector{false, true} : std::vector{false}) {
      const ShiftedCropArgs args = {.x_shape = s,
                                    .offsets = list.odd() ? kOffsets : nullptr,
                                    .out_h = s.h + grow,
                                    .out_w = s.w + grow,
                                    .negate_offsets = negate};
      list.add(
          "spatial/shifted_crop", shape_text(s) + ", grown by " + std::to_string(grow) + (negate ? " back" : ""),
          [](auto& k) { return k.spatial.shifted_crop; }, args, shifted_crop_cost(args), expect);
    }
}

void add_row_cases(CaseList& list) {
  for (const auto& [rows, width] :
       list.sizes<Matrix>({{5, 1}, {5, 3}, {301, 7}, {40, 1000}}, {}, {{80 * list.scale(), 3072}})) {
    const std::string text = shape_text({rows, width});
    list.add(
        "spatial/gather_rows", text, [](auto& k) { return k.spatial.gather_rows; },
        GatherRowsArgs{.index = wanted<std::int32_t>(), .rows = rows, .row_bytes = width * 4},
        gather_rows_cost(rows, width * 4), expect);
    if (!list.odd()) continue;
    list.add(
        "spatial/gather_rows", text + ", bytes", [](auto& k) { return k.spatial.gather_rows; },
        GatherRowsArgs{.index = wanted<std::int32_t>(), .rows = rows, .row_bytes = width},
        gather_rows_cost(rows, width), expect);
    list.add(
        "spatial/scatter_add_rows", text, [](auto& k) { return k.spatial.scatter_add_rows; },
        ScatterAddRowsArgs{.index = wanted<std::int32_t>(), .rows = rows, .width = width},
        scatter_add_rows_cost(rows, width), expect);
    list.add(
        "spatial/first_out_of_range", text, [](auto& k) { return k.spatial.first_out_of_range; },
        FirstOutOfRangeArgs{.count = rows * width, .bound = 3}, {4 * rows * width, 4, 0}, expect);
  }
}

}  // namespace

void add_spatial_cases(CaseList& list) {
  std::vector<ActivationShape> shapes = {
      {3, 3, 5, 7, 1}, {2, 48, 5, 7, 1}, {2, 48, 5, 7, 16}, {2, 48, 5, 7, 48}, {5, 16, 31, 33, 16}};
  if (!list.odd()) shapes = list.activations({}, {{2, 64, 32, 32}}, {});
  if (!list.odd()) shapes.push_back({80 * list.scale(), 3, 32, 32, 1});  // images are planar
  for (const ActivationShape& s : shapes) {
    add_pad_cases(list, s);
    add_crop_cases(list, s);
    for (const bool flags : list.large() ? std::vector{true} : std::vector{true, false})
      list.add(
          "spatial/horizontal_flip", shape_text(s) + (flags ? "" : ", all"),
          [](auto& k) { return k.spatial.horizontal_flip; },
          HorizontalFlipArgs{.shape = s,
                             .flags = !flags       ? nullptr
                                      : list.odd() ? kFlags
                                                   : wanted<std::uint8_t>()},
          horizontal_flip_cost(s), expect);
  }
  add_row_cases(list);
}

}  // namespace engram::cases
