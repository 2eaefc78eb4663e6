#pragma once
/// The terms that can be named. Each file of terms registers its own.

#include <memory>

#include "models/methods/distillation/distillation_loss.h"

namespace engram {

/// All of them.
const DistillationRegistry& distillation_registry();

/// The terms that `text` names: one, or several joined by '+', each a word or a JSON object ("at+kd",
/// R"({"name": "kd", "tau": 20}+at)"). Throws UsageError as Registry::make, and for a term that comes twice.
std::vector<std::unique_ptr<DistillationLoss>> make_distillation_losses(const std::string& text,
                                                                        const LossContext& context);

/// The parts of such a text.
std::vector<std::string> split_terms(const std::string& text);

void add_kd(DistillationRegistry& registry);
void add_fitnet(DistillationRegistry& registry);
void add_at(DistillationRegistry& registry);
void add_ft(DistillationRegistry& registry);
void add_od(DistillationRegistry& registry);
void add_sp(DistillationRegistry& registry);
void add_cc(DistillationRegistry& registry);
void add_vid(DistillationRegistry& registry);
void add_rkd(DistillationRegistry& registry);
void add_pkt(DistillationRegistry& registry);
void add_ab(DistillationRegistry& registry);
void add_nst(DistillationRegistry& registry);
void add_fsp(DistillationRegistry& registry);
void add_crd(DistillationRegistry& registry);
void add_cka(DistillationRegistry& registry);
void add_tf_kd(DistillationRegistry& registry);
void add_dkd(DistillationRegistry& registry);
void add_review(DistillationRegistry& registry);
void add_dist(DistillationRegistry& registry);
void add_mlkd(DistillationRegistry& registry);
void add_ctkd(DistillationRegistry& registry);
void add_ie_at(DistillationRegistry& registry);
void add_ie_ft(DistillationRegistry& registry);
void add_ie_od(DistillationRegistry& registry);

}  // namespace engram
