#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>
#include <vector>

#include "kernels/common/error.h"
#include "kernels/common/parallel.h"
#include "kernels/matmul/matmul.h"

namespace engram::kernels {
namespace {

constexpr dim_t kMuchWork = 1 << 20;

/// Sets the number of threads while it lives.
class ThreadsGuard {
 public:
  explicit ThreadsGuard(int threads) : before_(num_threads()) { set_num_threads(threads); }
  ~ThreadsGuard() { set_num_threads(before_); }

 private:
  int before_;
};

TEST(Parallel, EveryItemRunsOnceAtAnyNumberOfThreads) {
  for (const int threads : {1, 2, 3, 5}) {
    const ThreadsGuard guard(threads);
    for (const dim_t count : {0, 1, 2, 7, 100}) {
      std::vector<int> seen(std::size_t(count), 0), taken(std::size_t(count), 0);
      parallel_for(count, kMuchWork, [&](dim_t i) { ++seen[std::size_t(i)]; });
      parallel_items(count, [&](dim_t i, int thread) {
        ++taken[std::size_t(i)];
        EXPECT_LT(thread, threads);
      });
      EXPECT_EQ(seen, std::vector<int>(std::size_t(count), 1));
      EXPECT_EQ(taken, seen);
    }
  }
}

TEST(Parallel, TheExceptionOfTheFirstItemLeavesTheLoopAtAnyNumberOfThreads) {
  const auto body = [](dim_t i) {
    if (i == 37 || i == 38 || i == 90) throw DataError(message("item ", i));
  };
  const auto thrown = [](const auto& loop) -> std::string {
    try {
      loop();
    } catch (const DataError& error) {
      return error.what();
    }
    return "nothing";
  };
  for (const int threads : {1, 2, 3}) {
    const ThreadsGuard guard(threads);
    for (int repeat = 0; repeat < 20; ++repeat) {
      EXPECT_EQ(thrown([&] { parallel_for(100, kMuchWork, body); }), "item 37");
      EXPECT_EQ(thrown([&] { parallel_items(100, [&](dim_t i, int) { body(i); }); }), "item 37");
      EXPECT_EQ(thrown([&] { parallel_chunks(100 * kMuchWork, kMuchWork, [&](dim_t, dim_t, dim_t i) { body(i); }); }),
                "item 37");
    }
  }
}

TEST(Parallel, NumberOfThreadsMustBePositive) {
  EXPECT_THROW(set_num_threads(0), UsageError);
  EXPECT_FALSE(in_forked_child());
}

/// Runs `body` in a child of fork(), for at most 20 s. Returns what it returned, or -1 when a signal ended it.
int in_child(int (*body)()) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    _exit(body());
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int multiply() {
  std::vector<int> seen(100, 0);
  parallel_for(100, kMuchWork, [&](dim_t i) { seen[std::size_t(i)] = 1; });
  const std::vector<float> a(128 * 128, 1.f);
  std::vector<float> c(128 * 128, 0.f);
  kCpuMatmul.matmul(
      {},
      {.m = 128, .n = 128, .k = 128, .a = a.data(), .b = a.data(), .c = c.data(), .lda = 128, .ldb = 128, .ldc = 128});
  return seen == std::vector<int>(100, 1) && c.back() == 128 ? 0 : 1;
}

TEST(Parallel, ChildOfForkGoesOnWithOneThread) {
  const ThreadsGuard guard(2);
  ASSERT_EQ(multiply(), 0) << "the parent has its team of threads now, which a child has not";
  EXPECT_EQ(in_child([] { return in_forked_child() && num_threads() == 1 ? multiply() : 2; }), 0);
  EXPECT_EQ(in_child([] {
              try {
                set_num_threads(2);
              } catch (const UsageError&) {
                return 0;
              }
              return 1;
            }),
            0);
  EXPECT_EQ(multiply(), 0) << "and the parent goes on as before";
}

}  // namespace
}  // namespace engram::kernels
