/// Draws of negatives, the loss of their scores with its derivative, and moves of a bank's rows.

#include "kernels/noise_contrast/noise_contrast.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "kernel_cases/kernel_case.h"
#include "kernel_cases/staged.h"

namespace engram::kernels {

/// Extents of classes of nearly equal sizes: class c begins at c images / classes.
void describe(cases::Operands& o, ContrastDrawArgs& a) {
  const auto begin = [images = a.images, classes = a.classes](dim_t c) { return std::int32_t(c * images / classes); };
  o.in("uniform", a.uniform, a.rows * a.negatives).values(0, 1);
  o.in("samples", a.samples, a.rows).values(0, double(a.images));
  o.in("labels", a.labels, a.rows).values(0, double(a.classes));
  o.in("class_begin", a.class_begin, a.classes).filled([=, n = a.classes](void* to) {
    for (dim_t c = 0; c < n; ++c) static_cast<std::int32_t*>(to)[c] = begin(c);
  });
  o.in("class_size", a.class_size, a.classes).filled([=, n = a.classes](void* to) {
    for (dim_t c = 0; c < n; ++c) static_cast<std::int32_t*>(to)[c] = begin(c + 1) - begin(c);
  });
  o.in("by_class", a.by_class, a.images).values(0, double(a.images));
  o.out("chosen", a.chosen, a.rows * (1 + a.negatives));
}

void describe(cases::Operands& o, ContrastLossArgs& a) {
  o.in("scores", a.scores, a.rows * a.images).values(-4, 4);
  o.in("chosen", a.chosen, a.rows * (1 + a.negatives)).values(0, double(a.images));
  o.in("z_in", a.z_in, 1);
  o.out("loss", a.loss, 1);
  o.out("z_out", a.z_out, 1);
  o.out("derivative", a.derivative, a.rows * a.images).optional();
  o.scratch(a.workspace, o.kernels<NoiseContrastKernels>().loss_workspace_bytes(a.rows, a.negatives, a.images));
}

void describe(cases::Operands& o, ContrastMixArgs& a) {
  o.inout("bank", a.bank, a.images * a.width);
  o.in("embeddings", a.embeddings, a.rows * a.width);
  o.in("samples", a.samples, a.rows).values(0, double(a.images));
}

void expect(const ContrastDrawArgs& a, cases::Expected& e) {
  reference::contrast_draw(a, e.out("chosen", {}));
}

void expect(const ContrastLossArgs& a, cases::Expected& e) {
  *e.out("loss", {.of_value = 2e-6}) =
      reference::contrast_loss(a.rows, a.negatives, a.images, e.in("scores"), a.chosen, *e.in("z_in"),
                               e.out("z_out", {.of_value = 2e-6}), e.out("derivative", {.of_largest = 2e-6}));
}

void expect(const ContrastMixArgs& a, cases::Expected& e) {
  double* bank = e.out("bank", {.absolute = 1e-6});
  std::copy(e.in("bank"), e.in("bank") + a.images * a.width, bank);
  reference::contrast_mix(e.in("embeddings"), a.samples, a.rows, a.width, a.momentum, bank);
}

const NoiseContrastKernels kStagedNoiseContrast = {
    cases::staged<&NoiseContrastKernels::draw>,
    cases::staged<&NoiseContrastKernels::loss>,
    cases::staged<&NoiseContrastKernels::mix>,
    cases::staged<&NoiseContrastKernels::loss_workspace_bytes>,
};

}  // namespace engram::kernels

namespace engram::cases {

using namespace kernels;  // NOLINT(google-build-using-namespace): every name here is one of theirs

namespace {

// z as it is in the first step, and later.
const float kUnset = 0, kSet = 5000;

/// Of 16,385 choices a row, counted in shared memory.
constexpr dim_t kConflictsOfRow = 1400;

struct Contrast {
  dim_t rows, negatives, images;
};

void add_loss_cases(CaseList& list, const Contrast& c, const std::string& shape) {
  for (const float* z : {&kSet, &kUnset})
    for (float* derivative : {wanted<float>(), static_cast<float*>(nullptr)}) {
      if (!list.odd() && (z == &kUnset || !derivative)) continue;
      list.add(
              "noise_contrast/loss", shape + (z == &kUnset ? ", first" : "") + (derivative ? "" : ", value"),
              [](auto& b) { return b.noise_contrast.loss; },
              ContrastLossArgs{
                  .z_in = z, .rows = c.rows, .negatives = c.negatives, .images = c.images, .derivative = derivative},
              contrast_loss_cost(c.rows, c.negatives, c.images, derivative), expect)
          .allowed({1.9, 0.9, "each tile of scores reads its sample's choices again, which a GPU's caches serve"})
          .with_conflicts(std::uint64_t(kConflictsOfRow * c.rows), "choices are counted wherever in a tile they fall");
    }
}

}  // namespace

void add_noise_contrast_cases(CaseList& list) {
  const dim_t s = list.scale();
  for (const Contrast& c : list.sizes<Contrast>({{3, 17, 40}, {1, 1, 2}, {5, 300, 311}, {2, 1500, 8200}},
                                                {{4 * s, 16384, 50000}}, {{4 * s, 16384, 50000}})) {
    const std::string shape = shape_text({c.rows, c.negatives, c.images});
    list.add(
            "noise_contrast/draw", shape, [](auto& b) { return b.noise_contrast.draw; },
            ContrastDrawArgs{
                .rows = c.rows, .negatives = c.negatives, .images = c.images, .classes = std::min<dim_t>(c.images, 10)},
            contrast_draw_cost(c.rows, c.negatives), expect)
        .allowed({3.4, 0.34, "images of other classes are read one by one, in no order"});
    add_loss_cases(list, c, shape);
    for (const dim_t width : list.odd() ? std::vector<dim_t>{1, 7, 300} : std::vector<dim_t>{128})
      list.add(
          "noise_contrast/mix", shape_text({c.rows, c.images, width}), [](auto& b) { return b.noise_contrast.mix; },
          ContrastMixArgs{.rows = c.rows, .images = c.images, .width = width, .momentum = 0.5f},
          contrast_mix_cost(c.rows, width), expect);
  }
}

}  // namespace engram::cases
