#include "engine/autograd.h"
#include "engine/ops.h"
#include "models/methods/ood/adversarial.h"
#include "models/methods/ood/irm_penalty.h"
#include "models/methods/ood/ood_registry.h"
#include "models/methods/ood/penalised_task.h"

namespace engram {
namespace {

/// The settings of an attack.
Settings attack_settings(AttackOptions& o) {
  return {{"steps", &o.steps, "steps of the attack"},
          {"step_size", &o.step_size, "of each, in units of the images"},
          {"radius", &o.radius, "largest change of a value"},
          {"low", &o.low, "least value of an image"},
          {"high", &o.high, "largest value of an image"}};
}

/// Runs `attack` with the network in evaluation mode.
template <class Attack>
Tensor in_evaluation(Network& network, const Attack& attack) {
  network.eval();
  const Tensor result = attack();
  network.train();
  return result;
}

struct ErmPgdSettings {
  AttackOptions attack = {.steps = 7, .step_size = 1.0 / 255, .radius = 2.0 / 255};
  double beta = 6;
};
Settings erm_pgd_settings(ErmPgdSettings& s) {
  Settings settings = attack_settings(s.attack);
  settings.push_back({"beta", &s.beta, "weight of the divergence between answers"});
  return settings;
}

/// Cross entropy + beta KL(answer to the image || answer to the attacked one), the attack going up that divergence from
/// the image and a little noise (Zhang et al. 2019, TRADES, as DecAug's authors train ERM).
class ErmPgd : public OodTask {
 public:
  ErmPgd(const ErmPgdSettings& settings, const OodSetup& setup)
      : OodTask(setup, {"risk", "divergence"}), settings_(settings), noise_(Generator(options_.seed).split(1)) {
    check_attack("erm-pgd", settings.attack);
    check_penalty("erm-pgd", settings.beta, 0);
  }

 protected:
  void update(const EnvironmentBatch& batch) override {
    const LabelledBatch all = joined(batch);
    const Tensor images = all.images.contiguous();
    const Tensor start = images + 0.001f * normal(images.shape(), noise_, 0, 1, device());
    const Tensor moved = in_evaluation(network_, [&] {
      const Tensor clean = logits_of(images).detach();
      return attacked(images, start, settings_.attack,
                      [&](const Tensor& x) { return kl_divergence(logits_of(x), clean); });
    });
    const Tensor logits = logits_of(images);
    const Tensor risk = softmax_cross_entropy(logits, all.labels), divergence = kl_divergence(logits_of(moved), logits);
    record(descend(risk + float(settings_.beta) * divergence), {risk, divergence}, cut(logits, batch), batch);
  }
  void visit_method(StateVisitor& visitor) override { visitor.visit("noise", noise_); }

 private:
  ErmPgdSettings settings_;
  Generator noise_;
};

struct IrmPgdSettings {
  AttackOptions attack;
  double lambda = 5;
  dim_t anneal = 190;
};
Settings irm_pgd_settings(IrmPgdSettings& s) {
  Settings settings = attack_settings(s.attack);
  settings.push_back({"lambda", &s.lambda, "weight of the penalty from step `anneal` on; it is 1 before"});
  settings.push_back({"anneal", &s.anneal, "the step at which the weight jumps, with a fresh optimiser"});
  return settings;
}

/// IRMv1 by half batches on images that are attacked through the cross entropy.
class IrmPgd : public PenalisedTask {
 public:
  IrmPgd(const IrmPgdSettings& settings, const OodSetup& setup)
      : PenalisedTask("irm-pgd", {.weight = {1, settings.lambda, settings.anneal}}, setup), attack_(settings.attack) {
    check_attack("irm-pgd", settings.attack);
  }

 protected:
  void update(const EnvironmentBatch& batch) override {
    const LabelledBatch all = joined(batch);
    const Tensor images = all.images.contiguous();
    const Tensor moved = in_evaluation(network_, [&] {
      return attacked(images, images, attack_,
                      [&](const Tensor& x) { return softmax_cross_entropy(logits_of(x), all.labels); });
    });
    const std::vector<Tensor> logits = cut(logits_of(moved), batch);
    std::vector<Tensor> penalties;
    for (std::size_t e = 0; e < logits.size(); ++e)
      penalties.push_back(irm_penalty(logits[e], batch.environments[e].labels, true));
    descend_penalised(mean_of(risks_of(logits, batch)), mean_of(penalties), logits, batch);
  }

 private:
  AttackOptions attack_;
};

}  // namespace

void add_adversarial_training(OodRegistry& registry) {
  registry.add<ErmPgdSettings>(
      "erm-pgd", "risk minimisation with equal answers to attacked images", {}, {}, erm_pgd_settings,
      [](const ErmPgdSettings& s, const OodSetup& setup) { return std::make_unique<ErmPgd>(s, setup); });
  registry.add<IrmPgdSettings>(
      "irm-pgd", "invariant risk minimisation on attacked images", {.environments = true, .images = 2}, {},
      irm_pgd_settings,
      [](const IrmPgdSettings& s, const OodSetup& setup) { return std::make_unique<IrmPgd>(s, setup); });
}

}  // namespace engram
