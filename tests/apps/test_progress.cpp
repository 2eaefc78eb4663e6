/// The progress line on a terminal and in a log, with a clock of the test's own.

#include <gtest/gtest.h>

#include <cmath>
#include <sstream>

#include "apps/common/progress.h"

namespace engram::apps {
namespace {

struct Screen {
  std::ostringstream out;
  double time = 100;
  ProgressOptions options(bool terminal) {
    ProgressOptions o;
    o.out = &out;
    o.terminal = terminal;
    o.clock = [this] { return time; };
    return o;
  }
};

TEST(Progress, ALogGetsALineNowAndThen) {
  Screen screen;
  {
    Progress progress("train", 1000, screen.options(false));
    for (int i = 1; i <= 280; ++i) {
      screen.time += 0.25;  // a power of two, so that sums are exact
      progress.update(i, {{"loss", 0.5}});
    }
    EXPECT_EQ(screen.out.str(),
              "train  120/1000  4.0 it/s  3:40 left  loss 0.5\ntrain  240/1000  4.0 it/s  3:10 left  loss 0.5\n");
  }
  EXPECT_NE(screen.out.str().find("train  280/1000"), std::string::npos) << "the last state is shown";
  EXPECT_EQ(screen.out.str().find('\r'), std::string::npos);
}

TEST(Progress, ATerminalGetsOneLineThatIsRedrawn) {
  Screen screen;
  {
    Progress progress("invert", 20, screen.options(true));
    for (int i = 1; i <= 10; ++i) {
      screen.time += 2;
      progress.update(i, {{"ce", 1.25}, {"bn", 1234567.0}});
    }
    const std::string text = screen.out.str();
    EXPECT_EQ(text.find('\n'), std::string::npos);
    EXPECT_NE(text.find("\r\033[Kinvert  10/20  2.00 s/it  20s left  ce 1.25  bn 1.235e+06"), std::string::npos)
        << text;
    screen.out.str("");
    progress.message("saved");
    EXPECT_EQ(screen.out.str().rfind("\r\033[Ksaved\n\r\033[Kinvert", 0), 0u);
  }
  EXPECT_EQ(screen.out.str().back(), '\n');
}

TEST(Progress, DrawsNoMoreThanTenTimesASecond) {
  Screen screen;
  Progress progress("x", 0, screen.options(true));
  for (int i = 1; i <= 1000; ++i) {
    screen.time += 0.001;
    progress.update(i);
  }
  int drawings = 0;
  for (char c : screen.out.str()) drawings += c == '\r';
  EXPECT_GE(drawings, 5);
  EXPECT_LE(drawings, 10);
}

TEST(Progress, IsCutAtTheWidth) {
  Screen screen;
  ProgressOptions options = screen.options(true);
  options.width = 12;
  Progress progress("a very long label", 10, options);
  screen.time += 1;
  progress.update(1);
  EXPECT_EQ(screen.out.str(), "\r\033[Ka very long");
}

TEST(Progress, ShowsOnATerminalOnlyValuesThatFitWhole) {
  Screen screen;
  ProgressOptions options = screen.options(true);
  options.width = 46;
  Progress progress("invert", 10, options);
  screen.time += 1;
  progress.update(1, {{"total", 12.5}, {"bn_mean", 3}, {"l2", 1}});
  EXPECT_EQ(screen.out.str(), "\r\033[Kinvert  1/10  1.0 it/s  9s left  total 12.5");
}

TEST(Progress, AResumedRunCountsOnlyItsOwnSteps) {
  Screen screen;
  ProgressOptions options = screen.options(false);
  options.line_seconds = 1;
  Progress progress("train", 200, options, 100);
  screen.time += 10;
  progress.update(110);
  EXPECT_EQ(screen.out.str(), "train  110/200  1.0 it/s  1:30 left\n");
}

TEST(Progress, QuietShowsNothing) {
  Screen screen;
  ProgressOptions options = screen.options(true);
  options.quiet = true;
  {
    Progress progress("train", 2, options);
    screen.time += 100;
    progress.update(1);
    progress.message("hello");
    progress.update(2);
  }
  EXPECT_EQ(screen.out.str(), "");
}

TEST(Progress, FormatsTimesAndRates) {
  EXPECT_EQ(format_duration(7.4), "7s");
  EXPECT_EQ(format_duration(185), "3:05");
  EXPECT_EQ(format_duration(7290), "2:01:30");
  EXPECT_EQ(format_duration(std::nan("")), "?");
  EXPECT_EQ(format_rate(0, "it"), "- it/s");
  EXPECT_EQ(format_rate(0.25, "it"), "4.00 s/it");
  EXPECT_EQ(format_rate(12.34, "it"), "12.3 it/s");
  EXPECT_EQ(format_rate(1234, "img"), "1234 img/s");
}

}  // namespace
}  // namespace engram::apps
