/// Batches of images from stored bytes.

#include "kernels/image_batch/image_batch.h"

#include <algorithm>

#include "kernel_cases/kernel_case.h"
#include "kernel_cases/staged.h"

namespace engram::kernels {

/// Moves of up to 4 pixels, mirror images.
void draw_sources(ImageSource* sources, dim_t n, dim_t stored) {
  for (std::int32_t i = 0; i < n; ++i)
    sources[i] = {std::int32_t((i * 7 + 3) % stored), i % 9 - 4, i / 3 % 9 - 4, i & 1};
}

/// A hole of 3 x 2 pixels, and an empty one.
void draw_holes(ImageHole* holes, dim_t count, const ImageSetView& set) {
  for (std::int32_t i = 0; i < count; ++i) {
    const std::int32_t top = i * 5 % std::int32_t(set.h), left = i * 3 % std::int32_t(set.w);
    holes[i] =
        i % 2 ? ImageHole{}
              : ImageHole{top, left, std::min(top + 3, std::int32_t(set.h)), std::min(left + 2, std::int32_t(set.w))};
  }
}

/// What both calls have.
template <class Args>
void describe_batch(cases::Operands& o, Args& a) {
  const dim_t n = a.y_shape.n, stored = a.set.count;
  const dim_t bytes = stored * a.set.c * a.set.h * a.set.w;
  o.in("images", a.set.images, bytes).filled([bytes](void* to) {
    for (dim_t i = 0; i < bytes; ++i) static_cast<std::uint8_t*>(to)[i] = std::uint8_t(i * 2654435761u >> 24);
  });
  o.in("labels", a.set.labels, a.set.label_sets * stored).optional().values(0, 100);
  o.in("sources", a.sources, n).filled([n, stored](void* to) {
    draw_sources(static_cast<ImageSource*>(to), n, stored);
  });
  o.in("holes", a.holes, n * a.num_holes).optional().filled([count = n * a.num_holes, set = a.set](void* to) {
    draw_holes(static_cast<ImageHole*>(to), count, set);
  });
  o.out("y", a.y, a.y_shape.count()).in_order_of(a.y_shape);
  o.out("y_labels", a.y_labels, n * a.set.label_sets).optional();
}

void describe(cases::Operands& o, GatherImagesArgs& a) {
  describe_batch(o, a);
  o.in("values", a.values, a.set.c * 256);
}

void describe(cases::Operands& o, StyleImagesArgs& a) {
  describe_batch(o, a);
  o.in("styles", a.styles, a.y_shape.n).filled([n = a.y_shape.n, h = a.set.h, w = a.set.w](void* to) {
    for (std::int32_t i = 0; i < n; ++i) {
      ImageStyle style;
      style.top = std::min<std::int32_t>(3, std::int32_t(h) - 1);
      style.left = std::min<std::int32_t>(2, std::int32_t(w) - 1);
      style.height = std::int32_t(h) * 4 / 5;
      style.width = std::int32_t(w) * 7 / 8;
      style.brightness = style.contrast = style.saturation = 1.2f;
      style.hue = 0.1f;
      static_cast<ImageStyle*>(to)[i] = style;
    }
  });
  o.in("mean", a.mean, a.set.c).values(0.4, 0.5);
  o.in("deviation", a.deviation, a.set.c).values(0.2, 0.3);
}

template <class Args>
void expect_labels(const Args& a, cases::Expected& e) {
  if (!a.y_labels) return;
  double* labels = e.out("y_labels", {});
  for (dim_t set = 0; set < a.set.label_sets; ++set)
    for (dim_t i = 0; i < a.y_shape.n; ++i)
      labels[set * a.y_shape.n + i] = a.set.labels[set * a.set.count + a.sources[i].index];
}

void expect(const GatherImagesArgs& a, cases::Expected& e) {
  reference::gather_images(a, e.out("y", {}));
  expect_labels(a, e);
}

void expect(const StyleImagesArgs& a, cases::Expected& e) {
  reference::style_images(a, e.out("y", {.absolute = 1e-4}));
  expect_labels(a, e);
}

const ImageBatchKernels kStagedImageBatch = {cases::staged<&ImageBatchKernels::gather>,
                                             cases::staged<&ImageBatchKernels::style>};

}  // namespace engram::kernels

namespace engram::cases {

using namespace kernels;  // NOLINT(google-build-using-namespace): every name here is one of theirs

namespace {

template <class Args>
Args batch_of(dim_t n, dim_t stored, dim_t c, dim_t h, dim_t w, bool planar) {
  Args args{};
  args.set.count = stored;
  args.set.c = c;
  args.set.h = h;
  args.set.w = w;
  args.set.labels = wanted<std::int32_t>();
  args.set.label_sets = 1;
  args.y_shape = {n, c, h, w, planar ? 1 : c};
  args.y_labels = wanted<std::int32_t>();
  return args;
}

void add_odd(CaseList& list, dim_t c, dim_t h, dim_t w, bool reflect, bool planar) {
  const std::string text = shape_text({7, c, h, w}) + (planar ? "" : " channels-last") + (reflect ? ", reflected" : "");
  auto gather = batch_of<GatherImagesArgs>(7, 5, c, h, w, planar);
  auto style = batch_of<StyleImagesArgs>(7, 5, c, h, w, planar);
  gather.set.reflect = style.set.reflect = reflect;
  gather.set.label_sets = style.set.label_sets = 2;
  gather.num_holes = style.num_holes = 2;
  gather.holes = style.holes = wanted<ImageHole>();
  style.colours = c == 3;
  list.add(
      "image_batch/gather", text, [](auto& b) { return b.image_batch.gather; }, gather, gather_images_cost(gather),
      expect);
  list.add(
      "image_batch/style", text, [](auto& b) { return b.image_batch.style; }, style, style_images_cost(style), expect);
}

}  // namespace

void add_image_batch_cases(CaseList& list) {
  if (list.odd()) {
    for (const dim_t c : {1, 2, 3, 4})
      for (const auto& [h, w] : {std::pair<dim_t, dim_t>{3, 3}, {7, 5}, {32, 32}, {19, 37}})
        for (const bool reflect : {false, true})
          for (const bool planar : {true, false}) add_odd(list, c, h, w, reflect, planar);
    return;
  }
  constexpr dim_t kC = 3, kSide = 32;
  const dim_t images = (list.large() ? 32 : 16) * list.scale();
  const dim_t stored = list.large() ? images : std::max<dim_t>(images, 10000);  // more than a cache holds
  const std::string text = shape_text({images, kC, kSide, kSide});
  const auto gather = batch_of<GatherImagesArgs>(images, stored, kC, kSide, kSide, !list.channels_last());
  // Rows of bytes start inside sectors where images are shifted, every block reads the table of values, and each
  // image's block writes its label, 4 bytes of a sector of 32. Bytes that lie in different banks of the table wait.
  list.add(
          "image_batch/gather", text, [](auto& b) { return b.image_batch.gather; }, gather, gather_images_cost(gather),
          expect)
      .with_conflicts(std::uint64_t(images * kC * kSide * kSide),
                      "the table is read at places that the images' bytes name")
      .allowed({1.25, 0.6, "shifted rows start inside sectors; labels are single values"});
  auto style = batch_of<StyleImagesArgs>(images, stored, kC, kSide, kSide, !list.channels_last());
  style.colours = true;
  list.add(
          "image_batch/style", text, [](auto& b) { return b.image_batch.style; }, style, style_images_cost(style),
          expect)
      .allowed({1.5, 0.2, "taps of neighbouring pixels are the same bytes; channels are read one after the other"});
}

}  // namespace engram::cases
