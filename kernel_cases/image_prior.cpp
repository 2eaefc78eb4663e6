/// Total variation and norm of a batch of images, and their gradient.

#include "kernels/image_prior/image_prior.h"

#include "kernel_cases/kernel_case.h"
#include "kernel_cases/staged.h"

namespace engram::kernels {

void describe(cases::Operands& o, ImagePriorForwardArgs& a) {
  o.in("x", a.x, a.planes * a.h * a.w).values(-2, 2);
  o.scratch(a.workspace, o.kernels<ImagePriorKernels>().workspace_bytes(a.planes, a.h, a.w));
  o.out("norms", a.norms, kNumImageNorms);
  o.out("tv", a.tv, 1);
  o.out("l2", a.l2, 1);
}

void describe(cases::Operands& o, ImagePriorBackwardArgs& a) {
  o.in("x", a.x, a.planes * a.h * a.w);
  o.in("norms", a.norms, kNumImageNorms);
  o.in("grad_tv", a.grad_tv, 1).values(0.7, 0.8);
  o.in("grad_l2", a.grad_l2, 1).values(-1.3, -1.2);
  o.out("grad_x", a.grad_x, a.planes * a.h * a.w);
}

void expect(const ImagePriorForwardArgs& a, cases::Expected& e) {
  double* norms = e.out("norms", {.of_value = 1e-6});
  reference::image_norms(e.in("x"), a.planes, a.h, a.w, norms);
  *e.out("tv", {.of_value = 1e-6}) = norms[0] + norms[1] + norms[2] + norms[3];
  *e.out("l2", {.of_value = 1e-6}) = norms[4];
}

void expect(const ImagePriorBackwardArgs& a, cases::Expected& e) {
  reference::image_prior_backward(e.in("x"), *e.in("grad_tv"), *e.in("grad_l2"), a.planes, a.h, a.w,
                                  e.out("grad_x", {.absolute = 2e-6}));
}

const ImagePriorKernels kStagedImagePrior = {cases::staged<&ImagePriorKernels::forward>,
                                             cases::staged<&ImagePriorKernels::backward>,
                                             cases::staged<&ImagePriorKernels::workspace_bytes>};

}  // namespace engram::kernels

namespace engram::cases {

using namespace kernels;  // NOLINT(google-build-using-namespace): every name here is one of theirs

void add_image_prior_cases(CaseList& list) {
  struct Extents {
    dim_t planes, h, w;
  };
  const auto extents = list.sizes<Extents>({{1, 1, 1},
                                            {2, 1, 7},
                                            {2, 7, 1},
                                            {3, 5, 3},
                                            {2, 4, 15},
                                            {1, 9, 16},
                                            {2, 18, 17},
                                            {6, 32, 32},
                                            {1, 65, 100},
                                            {1, 131, 224},
                                            {2, 6, 3001},
                                            {120, 32, 32}},
                                           {{48 * list.scale(), 32, 32}}, {{96 * list.scale(), 32, 32}});
  for (const auto& [planes, h, w] : extents) {
    const KernelCase forward = list.add(
        "image_prior/forward", shape_text({planes, h, w}), [](auto& b) { return b.image_prior.forward; },
        ImagePriorForwardArgs{.planes = planes, .h = h, .w = w}, image_prior_forward_cost(planes * h * w), expect);
    list.add(
            "image_prior/backward", shape_text({planes, h, w}), [](auto& b) { return b.image_prior.backward; },
            ImagePriorBackwardArgs{.planes = planes, .h = h, .w = w}, image_prior_backward_cost(planes * h * w), expect)
        .following(forward);
  }
}

}  // namespace engram::cases
