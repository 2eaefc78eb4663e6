#include "models/methods/distillation/mutual_learning.h"

#include <sstream>

#include "engine/autograd.h"
#include "models/methods/distillation/peers.h"

namespace engram {
namespace {

std::vector<std::string> peer_names(const std::string& text) {
  std::vector<std::string> names;
  std::istringstream stream(text);
  stream.exceptions(std::ios::badbit);  // a lack of memory is no end of the list
  for (std::string name; std::getline(stream, name, ',');) names.push_back(name);
  return names.empty() ? std::vector<std::string>{""} : names;
}

void check_options(const MutualOptions& o) {
  if (o.update != "sequential" && o.update != "common")
    throw UsageError(message("[dml] expected the update sequential or common, got ", o.update));
  if (o.reduction != "mean" && o.reduction != "sum")
    throw UsageError(message("[dml] expected the reduction mean or sum, got ", o.reduction));
}

}  // namespace

MutualLearningTask::MutualLearningTask(Network& student, const ImageDataset& data, const StudentOptions& options,
                                       const MutualOptions& mutual)
    : StudentTask(data, options, student.device()), mutual_(mutual), distance_("ie-dml", mutual.distance) {
  check_options(mutual_);
  const std::vector<std::string> peers = peer_names(mutual_.peers);
  if (mutual_.halves && peers.size() != 1) throw UsageError(message("[ie-dml] expected one peer, got ", peers.size()));
  const std::uint64_t seed = options.batches.seed;
  add_member(student, seed);
  for (std::size_t i = 0; i < peers.size(); ++i) {
    std::unique_ptr<Network> peer = network_like(student, seed + i + 1, peers[i]);
    Network& network = *peer;
    add_member(network, seed + i + 1);
    members_.back().owned = std::move(peer);
  }
  std::vector<MeterSpec> specs = {{"train/loss"}, {"train/accuracy"}, {"train/ce"}};
  for (std::size_t i = 1; i < members_.size(); ++i) {
    specs.push_back({message("peer", i, "/loss")});
    specs.push_back({message("peer", i, "/accuracy")});
  }
  meters_ = Meters(specs, device());
}

void MutualLearningTask::add_member(Network& network, std::uint64_t seed) {
  Member member;
  member.network = &network;
  append_named(member.parameters, "net.", network.named_parameters());
  if (mutual_.halves) {
    if (network.taps().empty())
      throw UsageError(
          message("[ie-dml] expected networks with feature maps, which ", network.arch(), " has not; dml works there"));
    const dim_t channels = network.taps().back().channels;
    member.halves = std::make_unique<ChannelHalves>("ie-dml", channels, mutual_.split, true, true, seed, device());
    member.ae = std::make_unique<AutoEncoder>(channels, mutual_.width, device());
    member.inherit = std::make_unique<Coder>(member.halves->inherited(), mutual_.width, device());
    member.explore = std::make_unique<Coder>(member.halves->explored(), mutual_.width, device());
    const std::pair<const char*, Module*> parts[] = {
        {"ae.", member.ae.get()}, {"e_inh.", member.inherit.get()}, {"e_exp.", member.explore.get()}};
    for (const auto& [name, module] : parts) {
      module->initialize(seed);
      append_named(member.parameters, name, module->named_parameters());
    }
  }
  member.optimizer = std::make_unique<Optimizer>(member.parameters, options_.optimizer);
  members_.push_back(std::move(member));
}

std::vector<NamedModule> MutualLearningTask::helpers(int i) {
  Member& m = members_[std::size_t(i)];
  if (!m.ae) return {};
  return {{"e_inh", m.inherit.get()}, {"e_exp", m.explore.get()}, {"ae", m.ae.get()}};
}

void MutualLearningTask::stage(dim_t step) {
  stage_batch(step);
  std::vector<Optimizer*> optimizers;
  for (const Member& member : members_) optimizers.push_back(member.optimizer.get());
  stage_rate(step, optimizers);
}

MutualLearningTask::Values MutualLearningTask::losses(Member& member, const Features& own,
                                                      const std::vector<Tensor>& peer_logits, const Tensor& target,
                                                      const Tensor& labels) const {
  Values v;
  const DistillationLosses both = mutual_losses(own.logits, peer_logits, labels, mutual_.reduction == "sum");
  v.ce = both.cross_entropy;
  v.kl = both.divergence;
  v.accuracy = batch_accuracy(own.logits, labels);
  v.loss = mutual_.kl == 0 ? v.ce : v.ce + float(mutual_.kl) * v.kl;
  if (!mutual_.halves) return v;
  const auto [first, second] = (*member.halves)(own.taps.back());
  const MapPair inherited = pooled_to_smaller(member.inherit->forward(first), target),
                explored = pooled_to_smaller(member.explore->forward(second), target);
  v.inherit = distance_.inherit(inherited.student, inherited.teacher);
  const Tensor driven = distance_.explore(explored.student, explored.teacher);
  v.explore = mutual_.flip ? neg(driven) : driven;
  const Tensor map = own.taps.back().detach();
  v.reconstruct = reconstruction_distance(member.ae->reconstruct(map), map);
  v.loss = v.loss + float(mutual_.inherit) * v.inherit + float(mutual_.explore) * v.explore +
           float(mutual_.reconstruct) * v.reconstruct;
  return v;
}

void MutualLearningTask::update(Member& member, Values& values) {
  values.gradients = grad({values.loss}, tensors_of(member.parameters));
  member.optimizer->step(values.gradients, rate_->tensor());
}

std::vector<MutualLearningTask::Values> MutualLearningTask::learn_sequentially(const LabelledBatch& batch) {
  const FeatureRequest request{.taps = mutual_.halves};
  std::vector<Values> all;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    std::vector<Tensor> peers;
    Tensor target;
    {
      const NoGradGuard no_grad;
      for (std::size_t j = 0; j < members_.size(); ++j) {
        if (j == i) continue;
        const Features theirs = members_[j].network->forward(batch.images, request);
        peers.push_back(theirs.logits);
        if (mutual_.halves) target = members_[j].ae->encode(theirs.taps.back());
      }
    }
    const Features own = members_[i].network->forward(batch.images, request);
    all.push_back(losses(members_[i], own, peers, target, batch.labels));
    update(members_[i], all.back());
  }
  return all;
}

std::vector<MutualLearningTask::Values> MutualLearningTask::learn_together(const LabelledBatch& batch) {
  std::vector<Features> own;
  for (Member& member : members_)
    own.push_back(member.network->forward(batch.images, FeatureRequest{.taps = mutual_.halves}));
  std::vector<Values> all;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    std::vector<Tensor> peers;
    Tensor target;
    for (std::size_t j = 0; j < members_.size(); ++j) {
      if (j == i) continue;
      peers.push_back(own[j].logits.detach());
      const NoGradGuard no_grad;
      if (mutual_.halves) target = members_[j].ae->encode(own[j].taps.back().detach());
    }
    all.push_back(losses(members_[i], own[i], peers, target, batch.labels));
  }
  for (std::size_t i = 0; i < members_.size(); ++i) update(members_[i], all[i]);
  return all;
}

std::vector<MutualLearningTask::Values> MutualLearningTask::learn(const LabelledBatch& batch) {
  for (Member& member : members_) {
    member.network->train();
    if (member.ae) member.ae->train();
  }
  const std::vector<Values> all = mutual_.update == "sequential" ? learn_sequentially(batch) : learn_together(batch);
  std::vector<Tensor> recorded = {all[0].loss, all[0].accuracy, all[0].ce};
  for (std::size_t i = 1; i < all.size(); ++i) {
    recorded.push_back(all[i].loss);
    recorded.push_back(all[i].accuracy);
  }
  meters_.record(recorded);
  return all;
}

std::vector<MutualLearningTask::Values> MutualLearningTask::step_on(const Tensor& images, const Tensor& labels,
                                                                    double rate) {
  stage_values(rate_->tensor(), std::vector<float>{float(rate)});
  return learn({images, labels});
}

void MutualLearningTask::visit_parts(StateVisitor& visitor) {
  for (std::size_t i = 0; i < members_.size(); ++i) {
    Member& m = members_[i];
    const std::string name = message("member", i);
    visitor.visit(name, *m.network);
    visitor.visit(name + ".optimizer", *m.optimizer);
    if (!m.ae) continue;
    m.halves->visit_state(name + ".split", visitor);
    for (const NamedModule& helper : helpers(int(i))) visitor.visit(name + "." + helper.name, *helper.module);
  }
}

namespace {

Settings dml_settings(MutualOptions& o) {
  return {{"peers", &o.peers, "networks that learn beside the student, with commas; one like it unless given"},
          {"update", &o.update,
           "sequential: with new forward passes after each update, as the IE-KD code; common: from "
           "one, as KD-Zoo"},
          {"reduction", &o.reduction, "mean over several peers, or sum, as the original code"},
          {"kl", &o.kl, "factor of the divergences; the IE-KD code's default is 0, the paper's 1"}};
}

Settings ie_dml_settings(MutualOptions& o) {
  Settings settings = dml_settings(o);
  settings.push_back({"inherit", &o.inherit, "factor of the inheriting half"});
  settings.push_back({"explore", &o.explore, "factor of the exploring half"});
  settings.push_back({"reconstruct", &o.reconstruct, "factor of the auto-encoder's loss"});
  settings.push_back({"share", &o.split.share, "share of the channels that inherit"});
  settings.push_back({"split", &o.split.split, "natural or random"});
  settings.push_back({"flip", &o.flip, "turn the sign of the exploring half's term, for an ablation"});
  settings.push_back({"distance", &o.distance, "l1, l2 or cosine"});
  settings.push_back({"width", &o.width, "channels of the factors"});
  return settings;
}

std::unique_ptr<StudentTask> make_mutual(const MutualOptions& mutual, const StudentTaskContext& c) {
  return std::make_unique<MutualLearningTask>(c.student, c.data, c.options, mutual);
}

}  // namespace

void add_mutual_learning(StudentTaskRegistry& registry) {
  MutualOptions whole, halves;
  registry.add<MutualOptions>("dml", "deep mutual learning; takes no teacher", whole, dml_settings, make_mutual);
  halves.halves = true;
  halves.kl = 0;
  registry.add<MutualOptions>("ie-dml", "the same by inheriting and exploring halves; takes no teacher", halves,
                              ie_dml_settings, make_mutual);
}

}  // namespace engram
