/// Work beside the current stream: its order with what comes before and after, its memory, in captured work, and the
/// teachers of a distillation that run there.

#include <cmath>

#include "engine/captured_work.h"
#include "engine/ops.h"
#include "engine/side_stream.h"
#include "models/init.h"
#include "models/methods/distillation/distillation_task.h"
#include "models/nets/make_network.h"
#include "models/training/step_runner.h"
#include "tests/cuda/emulated.h"
#include "tests/support/bright_images.h"

namespace engram {
namespace {

class SideStreams : public testing::Emulated {
 protected:
  const Device device_ = parse_device("emu");
  Tensor numbers(float first) const { return Tensor::from(std::vector<float>{first, first + 1}, {2}, device_); }
};

TEST_F(SideStreams, WorkComesAfterWhatWasQueuedAndBeforeWhatFollowsTheJoin) {
  for (const auto schedule : {emu::Schedule::kLazy, emu::Schedule::kEager, emu::Schedule::kRandom}) {
    emu::runtime_options().schedule = schedule;
    SideStream side(device_);
    for (int round = 0; round < 3; ++round) {
      // Two tensors: the emulator takes what these kernels read for written.
      const Tensor x = numbers(float(round)), y = numbers(float(round));
      Tensor beside;
      side.run([&] { beside = x * 3.f; });
      const Tensor own = y + 1.f;
      side.join();
      EXPECT_EQ((own + beside).to_vector(), (std::vector<float>{4.f * float(round) + 1, 4.f * float(round) + 5}));
    }
  }
}

TEST_F(SideStreams, AMissingJoinIsARace) {
  SideStream side(device_);
  const Tensor x = numbers(1);
  Tensor beside;
  side.run([&] { beside = x * 3.f; });
  (x + beside).to_vector();
  side.join();
  EXPECT_NE(reports().find("Stream race"), std::string::npos);
}

TEST_F(SideStreams, CapturedWorkRepeats) {
  SideStream side(device_);
  CapturedWork work(device_);
  const Tensor x = numbers(0), y = numbers(0);
  Tensor result;
  for (int round = 0; round < 5; ++round) {
    for (const Tensor& input : {x, y}) copy_into(input, numbers(float(round)));
    work.run([&] {
      // The temporaries of both streams are freed at once, and must not become each other's memory.
      Tensor beside;
      side.run([&] { beside = (x * 3.f) * 2.f; });
      const Tensor own = (y + 1.f) * 2.f;
      side.join();
      result = own + beside;
    });
    EXPECT_EQ(result.to_vector(), (std::vector<float>{8.f * float(round) + 2, 8.f * float(round) + 10}));
  }
  EXPECT_GT(work.num_nodes(), 0u);
}

TEST_F(SideStreams, TheTeacherOfADistillationRunsThere) {
  const auto student = make_network("resnet8", 2, {.seed = 1, .device = device_}),
             teacher = make_network("resnet8", 2, {.seed = 2, .device = device_});
  StudentOptions options;
  options.batches.batch_size = 2;
  const int before = emu::runtime_stats().streams;
  emu::runtime_options().schedule = emu::Schedule::kRandom;
  DistillationTask task(*student, {teacher.get()}, testing::bright_images(2), options);
  StepRunner runner(task, false);
  runner.run(0);
  EXPECT_EQ(emu::runtime_stats().streams, before + 1);
  EXPECT_TRUE(std::isfinite(task.meters().read(0)[0].value));
}

}  // namespace
}  // namespace engram
