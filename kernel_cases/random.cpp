/// Fills with random numbers.

#include "kernels/random/random.h"

#include "kernel_cases/kernel_case.h"
#include "kernel_cases/staged.h"

namespace engram::kernels {

/// What all calls have.
template <class Args>
void describe_fill(cases::Operands& o, Args& a) {
  o.out("y", a.y, a.count);
  o.in("base", a.stream.base, 1).optional();
}
void describe(cases::Operands& o, UniformArgs& a) {
  describe_fill(o, a);
}
void describe(cases::Operands& o, NormalArgs& a) {
  describe_fill(o, a);
}
void describe(cases::Operands& o, BernoulliArgs& a) {
  describe_fill(o, a);
}
void describe(cases::Operands& o, RandomIntegersArgs& a) {
  describe_fill(o, a);
}

void expect(const UniformArgs& a, cases::Expected& e) {
  double* y = e.out("y", {.absolute = 5e-7});
  for (dim_t i = 0; i < a.count; ++i) y[i] = reference::uniform(a.stream, i, a.low, a.high);
}
void expect(const NormalArgs& a, cases::Expected& e) {
  double* y = e.out("y", {.absolute = 3e-6});
  for (dim_t i = 0; i < a.count; ++i) y[i] = reference::normal(a.stream, i, a.mean, a.deviation);
}
void expect(const BernoulliArgs& a, cases::Expected& e) {
  double* y = e.out("y", {});
  for (dim_t i = 0; i < a.count; ++i) y[i] = reference::uniform(a.stream, i, 0, 1) < a.probability ? a.value : 0;
}
void expect(const RandomIntegersArgs& a, cases::Expected& e) {
  double* y = e.out("y", {});
  for (dim_t i = 0; i < a.count; ++i) y[i] = reference::integer(a.stream, i, a.low, a.range);
}

const RandomKernels kStagedRandom = {cases::staged<&RandomKernels::uniform>, cases::staged<&RandomKernels::normal>,
                                     cases::staged<&RandomKernels::bernoulli>, cases::staged<&RandomKernels::integers>};

}  // namespace engram::kernels

namespace engram::cases {

using namespace kernels;  // NOLINT(google-build-using-namespace): every name here is one of theirs

void add_random_cases(CaseList& list) {
  // The last stream crosses 2^32 blocks.
  const std::vector<RandomStream> odd = {{1, 0}, {7, 3}, {0xfedcba9876543210, 12345}, {9, (1ull << 34) - 37}};
  for (const RandomStream& stream : list.odd() ? odd : std::vector<RandomStream>{{7, 0}})
    for (const dim_t count :
         list.sizes<dim_t>({1, 63, 1001}, {100000 * list.scale()}, {(dim_t(1) << 18) * list.scale()})) {
      const std::string text = shape_text({count}) + ", from " + std::to_string(stream.offset);
      const Cost cost = random_cost(count);
      list.add(
          "random/normal", text, [](auto& b) { return b.random.normal; },
          NormalArgs{.count = count, .stream = stream, .mean = 0.5f, .deviation = 2}, cost, expect);
      if (list.large()) continue;
      list.add(
          "random/uniform", text, [](auto& b) { return b.random.uniform; },
          UniformArgs{.count = count, .stream = stream, .low = -2, .high = 3}, cost, expect);
      if (!list.odd()) continue;
      list.add(
          "random/bernoulli", text, [](auto& b) { return b.random.bernoulli; },
          BernoulliArgs{.count = count, .stream = stream, .probability = 0.25, .value = 4}, cost, expect);
      list.add(
          "random/integers", text, [](auto& b) { return b.random.integers; },
          RandomIntegersArgs{.count = count, .stream = stream, .low = -3, .range = 17}, cost, expect);
    }
}

}  // namespace engram::cases
