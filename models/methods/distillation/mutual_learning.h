#pragma once
/// Networks that learn from each other (deep mutual learning, Zhang et al. 2018), and with inheriting and exploring
/// halves (IE-DML; docs/methods/distillation.md, "Peers").

#include "models/methods/distillation/channel_halves.h"
#include "models/methods/distillation/coder.h"
#include "models/methods/distillation/factor_distance.h"
#include "models/methods/distillation/student_task.h"

namespace engram {

struct MutualOptions {
  std::string peers = "";             ///< other networks, with commas; empty: one like the student
  std::string update = "sequential";  ///< "sequential": each network sees the others as updated; "common": as before
  std::string reduction = "mean";     ///< of several peers' divergences; "sum" as the original code
  double kl = 1;                      ///< factor of the divergences

  bool halves = false;  ///< IE-DML, of two networks
  HalvesOptions split;
  double inherit = 50, explore = 50, reconstruct = 1;
  bool flip = false;  ///< the exploring half is drawn to the peer too
  std::string distance = "l1";
  dim_t width = 32;
};

/// Trains the student and its peers together, each by cross entropy + kl * the divergences from the others, with an
/// optimiser each. With halves, each network also has an auto-encoder of its last map, trained by the same loss on the
/// detached map, and coders of its halves, one drawn to and one driven from the peer's factor. All forward passes are
/// in training mode, also those for the targets, so that running statistics move with each (the authors' loop).
///
/// Meters: train/loss, train/accuracy, train/ce of the student, then peer<i>/loss and peer<i>/accuracy.
class MutualLearningTask : public StudentTask {
 public:
  /// Throws UsageError for options that make no sense.
  MutualLearningTask(Network& student, const ImageDataset& data, const StudentOptions& options,
                     const MutualOptions& mutual);

  void stage(dim_t step) override;
  void issue() override { learn(gather()); }
  Network& deployed() override { return *members_[0].network; }

  /// Values of one network in a step, before its update.
  struct Values {
    Tensor loss, ce, kl, inherit, explore, reconstruct, accuracy;
    std::vector<Tensor> gradients;  ///< of member_parameters
  };
  /// One step on a given batch at a given rate: for comparisons with stored values.
  std::vector<Values> step_on(const Tensor& images, const Tensor& labels, double rate);
  int num_members() const { return int(members_.size()); }
  Network& network(int i) { return *members_[std::size_t(i)].network; }
  /// The helper modules of a member with halves, under the names e_inh, e_exp and ae.
  std::vector<NamedModule> helpers(int i);
  const std::vector<NamedTensor>& member_parameters(int i) const { return members_[std::size_t(i)].parameters; }

 protected:
  void visit_parts(StateVisitor& visitor) override;

 private:
  struct Member {
    Network* network = nullptr;
    std::unique_ptr<Network> owned;
    std::unique_ptr<ChannelHalves> halves;
    std::unique_ptr<AutoEncoder> ae;
    std::unique_ptr<Coder> inherit, explore;
    std::vector<NamedTensor> parameters;
    std::unique_ptr<Optimizer> optimizer;
  };
  void add_member(Network& network, std::uint64_t seed);
  Values losses(Member& member, const Features& own, const std::vector<Tensor>& peer_logits, const Tensor& target,
                const Tensor& labels) const;
  void update(Member& member, Values& values);
  std::vector<Values> learn_sequentially(const LabelledBatch& batch);
  std::vector<Values> learn_together(const LabelledBatch& batch);
  std::vector<Values> learn(const LabelledBatch& batch);

  MutualOptions mutual_;
  FactorDistance distance_;
  std::vector<Member> members_;
};

}  // namespace engram
