/// Steps of optimisers over many tensors.

#include "kernels/optim_step/optim_step.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernel_cases/kernel_case.h"
#include "kernel_cases/staged.h"

namespace engram::kernels {

/// "param" of tensor 3 is "param3".
std::string of_tensor(const char* name, int i) {
  return name + std::to_string(i);
}

void describe(cases::Operands& o, SgdArgs& a) {
  SgdTensor* tensors = o.table(a.tensors, a.num_tensors);
  for (int i = 0; i < a.num_tensors; ++i) {
    SgdTensor& t = tensors[i];
    o.inout(of_tensor("param", i), t.param, t.count);
    o.in(of_tensor("grad", i), t.grad, t.count);
    if (t.first_step)  // the buffer's content must not matter
      o.out(of_tensor("momentum", i), t.momentum, t.count).optional();
    else
      o.inout(of_tensor("momentum", i), t.momentum, t.count).optional();
  }
  o.in("lr", a.lr, 1).values(0.1, 0.2);
  o.in("grad_scale", a.grad_scale, 1).optional().values(0.25, 0.5);
}

void describe(cases::Operands& o, AdamArgs& a) {
  AdamTensor* tensors = o.table(a.tensors, a.num_tensors);
  for (int i = 0; i < a.num_tensors; ++i) {
    AdamTensor& t = tensors[i];
    o.inout(of_tensor("param", i), t.param, t.count);
    o.in(of_tensor("grad", i), t.grad, t.count);
    o.inout(of_tensor("m", i), t.m, t.count);
    o.inout(of_tensor("v", i), t.v, t.count).values(0.1, 1);
    o.inout(of_tensor("step", i), t.step, 1).values(3, 4);
  }
  o.in("lr", a.lr, 1).values(0.05, 0.06);
  o.in("grad_scale", a.grad_scale, 1).optional().values(0.25, 0.5);
}

void describe_averages(cases::Operands& o, const EmaTensor*& table, int num_tensors) {
  EmaTensor* tensors = o.table(table, num_tensors);
  for (int i = 0; i < num_tensors; ++i) {
    o.inout(of_tensor("average", i), tensors[i].average, tensors[i].count);
    o.in(of_tensor("value", i), tensors[i].value, tensors[i].count);
  }
}

void describe(cases::Operands& o, EmaArgs& a) {
  describe_averages(o, a.tensors, a.num_tensors);
}

void describe(cases::Operands& o, KeepBestArgs& a) {
  describe_averages(o, a.tensors, a.num_tensors);
  o.in("loss", a.loss, 1);
  o.inout("best", a.best, 1);
}

void describe(cases::Operands& o, GradNormArgs& a) {
  GradTensor* tensors = o.table(a.tensors, a.num_tensors);
  for (int i = 0; i < a.num_tensors; ++i) o.in(of_tensor("grad", i), tensors[i].grad, tensors[i].count);
  o.scratch(a.workspace, o.kernels<OptimStepKernels>().grad_norm_workspace_bytes(tensors, a.num_tensors));
  o.out("norm", a.norm, 1);
  o.out("factor", a.factor, 1);
}

/// Where a gradient happens to be tiny, m / sqrt(v) carries the relative rounding of both.
constexpr cases::Tolerance kOneStep = {.absolute = 1e-6, .of_value = 1e-6};

/// What the operand held, where the reference writes what it should hold.
double* begun(cases::Expected& e, const std::string& name, dim_t count) {
  double* values = e.out(name, kOneStep);
  if (count > 0 && e.in(name)) std::copy(e.in(name), e.in(name) + count, values);
  return values;
}

double scale_of(const cases::Expected& e) {
  return e.in("grad_scale") ? *e.in("grad_scale") : 1;
}

void expect(const SgdArgs& a, cases::Expected& e) {
  for (int i = 0; i < a.num_tensors; ++i) {
    const SgdTensor& t = a.tensors[i];
    reference::sgd(begun(e, of_tensor("param", i), t.count), e.in(of_tensor("grad", i)),
                   begun(e, of_tensor("momentum", i), t.count), t.count, t.first_step, *e.in("lr"), a.momentum,
                   a.weight_decay, a.nesterov, scale_of(e));
  }
}

void expect(const AdamArgs& a, cases::Expected& e) {
  for (int i = 0; i < a.num_tensors; ++i) {
    const dim_t count = a.tensors[i].count;
    double* step = begun(e, of_tensor("step", i), 1);
    *step += 1;
    reference::adam(begun(e, of_tensor("param", i), count), e.in(of_tensor("grad", i)),
                    begun(e, of_tensor("m", i), count), begun(e, of_tensor("v", i), count), count, std::int64_t(*step),
                    *e.in("lr"), a.beta1, a.beta2, a.eps, a.weight_decay, a.decoupled_decay, scale_of(e));
  }
}

void expect(const EmaArgs& a, cases::Expected& e) {
  for (int i = 0; i < a.num_tensors; ++i) {
    const dim_t count = a.tensors[i].count;
    double* average = begun(e, of_tensor("average", i), count);
    for (dim_t k = 0; k < count; ++k)
      average[k] = a.decay * average[k] + (1 - a.decay) * e.in(of_tensor("value", i))[k];
  }
}

void expect(const GradNormArgs& a, cases::Expected& e) {
  double sum = 0;
  for (int i = 0; i < a.num_tensors; ++i)
    for (dim_t k = 0; k < a.tensors[i].count; ++k) sum += std::pow(e.in(of_tensor("grad", i))[k], 2);
  *e.out("norm", {.of_value = 1e-6}) = std::sqrt(sum);
  *e.out("factor", {.absolute = 1e-6}) = std::min(1.0, a.max_norm / std::sqrt(sum));
}

const OptimStepKernels kStagedOptimStep = {
    cases::staged<&OptimStepKernels::sgd>,       cases::staged<&OptimStepKernels::adam>,
    cases::staged<&OptimStepKernels::ema>,       cases::staged<&OptimStepKernels::keep_best>,
    cases::staged<&OptimStepKernels::grad_norm>, cases::staged<&OptimStepKernels::grad_norm_workspace_bytes>,
};

}  // namespace engram::kernels

namespace engram::cases {

using namespace kernels;  // NOLINT(google-build-using-namespace): every name here is one of theirs

namespace {

/// Tables that calls point to; they live as long as the program.
template <class Tensor>
const Tensor* table_of(const std::vector<dim_t>& counts, void (*change)(Tensor&) = nullptr) {
  static std::vector<std::unique_ptr<std::vector<Tensor>>> tables;
  auto table = std::make_unique<std::vector<Tensor>>();
  for (const dim_t count : counts) {
    Tensor tensor{};
    tensor.count = count;
    if (change) change(tensor);
    table->push_back(tensor);
  }
  tables.push_back(std::move(table));
  return tables.back()->data();
}

void add_sgd(CaseList& list, const std::vector<dim_t>& counts, const Cost& cost, const std::string& text) {
  struct Form {
    float momentum, weight_decay;
    bool nesterov, scaled, first;
  };
  const auto with_momentum = [](SgdTensor& t) { t.momentum = wanted<float>(); };
  const auto first_step = [](SgdTensor& t) { t.momentum = wanted<float>(), t.first_step = true; };
  for (const Form& f : list.sizes<Form>({{0, 0, false, false, false},
                                         {0, 5e-4f, false, true, false},
                                         {0.9f, 5e-4f, false, false, false},
                                         {0.9f, 5e-4f, true, false, true},
                                         {0.9f, 0, true, true, false}},
                                        {{0.9f, 5e-4f, true, false, false}}, {{0.9f, 5e-4f, false, false, false}})) {
    const SgdTensor* tensors = f.momentum == 0 ? table_of<SgdTensor>(counts)
                                               : table_of<SgdTensor>(counts, f.first ? first_step : with_momentum);
    list.add(
        "optim_step/sgd", text + ", momentum " + std::to_string(f.momentum) + (f.nesterov ? " ahead" : ""),
        [](auto& b) { return b.optim_step.sgd; },
        SgdArgs{.tensors = tensors,
                .num_tensors = int(counts.size()),
                .momentum = f.momentum,
                .weight_decay = f.weight_decay,
                .nesterov = f.nesterov,
                .grad_scale = wanted<float>(f.scaled)},
        cost, expect);
  }
}

void add_adam(CaseList& list, const std::vector<dim_t>& counts, const Cost& cost, const std::string& text) {
  struct Form {
    float weight_decay;
    bool decoupled, scaled;
  };
  for (const Form& f : list.sizes<Form>({{0, false, false}, {1e-2f, false, false}, {1e-2f, true, true}},
                                        {{0.1f, true, false}}, {{0, false, false}}))
    list.add(
        "optim_step/adam", text + ", decay " + std::to_string(f.weight_decay) + (f.decoupled ? " apart" : ""),
        [](auto& b) { return b.optim_step.adam; },
        AdamArgs{.tensors = table_of<AdamTensor>(counts),
                 .num_tensors = int(counts.size()),
                 .beta1 = 0.9,
                 .beta2 = 0.999,
                 .eps = 1e-8f,
                 .weight_decay = f.weight_decay,
                 .decoupled_decay = f.decoupled,
                 .grad_scale = wanted<float>(f.scaled)},
        cost, expect);
}

}  // namespace

void add_optim_step_cases(CaseList& list) {
  const dim_t many = 65536 * list.scale();
  std::vector<dim_t> network = {1728, 64, 64, 36864, 64, 73728, 128, 147456, 5120, 10};
  for (dim_t& count : network) count *= list.scale();
  // Sizes below, at and above the vector and chunk sizes, an empty tensor too; weights and vectors of a small network.
  const auto counts = list.sizes<dim_t>({1, 17, 0, 16384, 5, 40000, 333}, network, {many, many / 2, 4099, 64});
  const dim_t total = std::accumulate(counts.begin(), counts.end(), dim_t(0));
  const std::string text = shape_text({dim_t(counts.size())}) + " tensors of " + std::to_string(total);
  add_sgd(list, counts, sgd_cost(total, true), text);
  add_adam(list, counts, adam_cost(total), text);
  if (list.large()) return;
  const int number = int(counts.size());
  list.add(
      "optim_step/ema", text, [](auto& b) { return b.optim_step.ema; },
      EmaArgs{.tensors = table_of<EmaTensor>(counts), .num_tensors = number, .decay = 0.999}, ema_cost(total), expect);
  for (const float limit : list.odd() ? std::vector{5.f, 1e9f} : std::vector{5.f})
    list.add(
        "optim_step/grad_norm", text + ", at most " + std::to_string(limit),
        [](auto& b) { return b.optim_step.grad_norm; },
        GradNormArgs{.tensors = table_of<GradTensor>(counts), .num_tensors = number, .max_norm = limit},
        grad_norm_cost(total), expect);
  if (list.odd())
    list.add(
        "optim_step/keep_best", text, [](auto& b) { return b.optim_step.keep_best; },
        KeepBestArgs{.tensors = table_of<EmaTensor>(counts), .num_tensors = number}, keep_best_cost(total));
}

}  // namespace engram::cases
