/// Command lines and configuration files: values, precedence, and one clear message for every mistake.

#include <gtest/gtest.h>

#include <sstream>

#include "apps/common/cli.h"
#include "apps/common/distill_settings.h"
#include "apps/common/invert_settings.h"
#include "apps/common/ood_settings.h"
#include "apps/common/train_settings.h"
#include "engine/io/atomic_file.h"
#include "kernels/common/error.h"
#include "models/data/ood_protocols.h"
#include "models/methods/data_free/data_free_registry.h"
#include "models/methods/distillation/loss_registry.h"
#include "models/methods/distillation/student_task.h"
#include "models/methods/inversion/inversion_registry.h"
#include "models/methods/ood/ood_registry.h"
#include "models/nets/network_registry.h"
#include "models/suggest.h"
#include "tests/support/expect_error.h"
#include "tests/support/run_program.h"
#include "tests/support/temp_folder.h"

namespace engram::apps {
namespace {

using test::ProgramResult;
using test::run_program;
using test::TempFolder;

// A program's settings, registered afresh for each line that is parsed.
struct Program {
  std::string method = "natural-inversion";
  std::int64_t batch_size = 256;
  int width = 64;
  double lr = 0.1;
  bool flip = true, nesterov = false;
  std::uint64_t seed = 7;
  std::vector<std::int64_t> milestones = {80, 120};
  std::filesystem::path data;
  std::filesystem::path out, run;
  std::vector<std::string> inputs;
  std::ostringstream said;
  Call call{"engram-example", {}, &said, &said, [] { return false; }};
  Cli cli{call, "Example."};

  explicit Program(bool required = false) {
    cli.group("Method");
    cli.option("method", &method, "Method").choices({"natural-inversion", "deep-inversion"});
    cli.option("batch-size", &batch_size, "Images a batch").at_least(1);
    cli.option("width", &width, "Width").at_least(1).at_most(1024);
    cli.option("lr", &lr, "Rate").at_least(0);
    cli.option("flip", &flip, "Flip images");
    cli.option("nesterov", &nesterov, "Nesterov momentum");
    cli.option("seed", &seed, "Seed");
    cli.option("milestones", &milestones, "Milestones").at_least(0);
    Setting& set = cli.option("data", &data, "Data folder").input();
    if (required) set.required();
    cli.option("out", &out, "Run folder").only_on_command_line();
    cli.resume_option(&run, "Run to continue");
    cli.positional("inputs", &inputs, "Inputs");
  }

  bool parse(std::vector<std::string> words) {
    call.words = std::move(words);
    return cli.parse();
  }
};

std::string config(const TempFolder& folder, const std::string& text) {
  io::write_file(folder / "c.json", text);
  return (folder / "c.json").string();
}

TEST(Cli, ReadsEveryKindOfValue) {
  Program p;
  ASSERT_TRUE(
      p.parse({"--method", "deep-inversion", "--batch-size=32", "--lr", "1e-3", "--no-flip", "--nesterov", "--seed",
               "18446744073709551615", "--milestones", "5,10,15", "--data", "some where", "one", "two,three"}));
  EXPECT_EQ(p.method, "deep-inversion");
  EXPECT_EQ(p.batch_size, 32);
  EXPECT_EQ(p.lr, 1e-3);
  EXPECT_FALSE(p.flip);
  EXPECT_TRUE(p.nesterov);
  EXPECT_EQ(p.seed, 18446744073709551615u);
  EXPECT_EQ(p.milestones, (std::vector<std::int64_t>{5, 10, 15}));
  EXPECT_EQ(p.data, "some where");
  EXPECT_EQ(p.inputs, (std::vector<std::string>{"one", "two,three"}));
  EXPECT_EQ(p.width, 64);
  EXPECT_TRUE(p.cli.was_given("lr"));
  EXPECT_FALSE(p.cli.was_given("width"));
  EXPECT_EQ(p.cli.call().words.size(), 15u);
}

TEST(Cli, MistakesAreNamedWithTheNearestOption) {
  const auto refused = [](std::vector<std::string> words, const char* text) {
    Program p;
    EXPECT_ERROR(p.parse(words), UsageError, text);
  };
  refused({"--bach-size", "3"}, "unknown option '--bach-size'; did you mean '--batch-size'?");
  refused({"--bach-size=3"}, "did you mean '--batch-size'?");
  refused({"--nestrov"}, "did you mean '--nesterov'?");
  refused({"--method", "natural-inverson"}, "did you mean 'natural-inversion'?");
  refused({"--method", "x"}, "expected one of natural-inversion, deep-inversion for --method, got 'x'");
  refused({"--batch-size", "abc"}, "expected an integer for --batch-size, got 'abc'");
  refused({"--batch-size", "12x"}, "got '12x'");
  refused({"--batch-size", "1.5"}, "got '1.5'");
  refused({"--batch-size", "0"}, "expected a value of at least 1 for --batch-size, got '0'");
  refused({"--batch-size", "-3"}, "expected a value of at least 1 for --batch-size, got '-3'");
  refused({"--batch-size", "99999999999999999999"}, "an integer");
  refused({"--width", "2000"}, "1 to 1024");
  refused({"--lr", "nan"}, "expected a number for --lr, got 'nan'");
  refused({"--lr", "inf"}, "got 'inf'");
  refused({"--lr"}, "--lr");
  refused({"--lr", "1", "--lr", "2"}, "expected --lr once");
  refused({"--milestones", "1,,2"}, "expected an integer for --milestones, got ''");
  refused({"--milestones", "1,-2"}, "got '-2'");
  refused({"--seed", "-1"}, "expected an integer from 0");
}

TEST(Cli, ARefusedLineLeavesTheVariable) {
  Program p;
  EXPECT_THROW(p.parse({"--batch-size", "0"}), UsageError);
  EXPECT_EQ(p.batch_size, 256);
}

TEST(Cli, UnexpectedArgumentsAreRefused) {
  int number = 1;
  const Call call{"engram-example", {"stray"}, nullptr, nullptr, {}};
  Cli cli(call, "Example.");
  cli.option("number", &number, "Number");
  EXPECT_ERROR(cli.parse(), UsageError, "unexpected argument 'stray'");
}

TEST(Cli, APartThatNobodyKnowsIsRefusedWhereItIsGiven) {
  const TempFolder folder;
  std::string arch;
  std::ostringstream said;
  const auto parse = [&](std::vector<std::string> words, Cli::Check check = Cli::Check::kSettings) {
    const Call call{"engram-example", std::move(words), &said, &said, {}};
    Cli cli(call, "Example.");
    cli.option("arch", &arch, "Network").names_part([](const std::string& text) {
      if (text != "resnet8") throw UsageError("[network] expected resnet8, got " + text);
    });
    return cli.parse(check);
  };
  EXPECT_ERROR(parse({"--arch", "resnt8"}), UsageError, "--arch: [network] expected resnet8, got resnt8");
  EXPECT_ERROR(parse({"--config", config(folder, R"({"arch": "resnt8"})")}), UsageError,
               "expected resnet8, got resnt8");
  EXPECT_TRUE(parse({"--arch", ""}));
  EXPECT_FALSE(parse({"--arch", "resnet8", "--check"}));
  EXPECT_TRUE(parse({"--arch", "resnet8", "--check"}, Cli::Check::kInputs));
}

TEST(Cli, AnEmptyPathIsNoPath) {
  EXPECT_ERROR(Program().parse({"--out", ""}), UsageError, "expected a path for --out, got ''");
}

TEST(Cli, RequiredSettingsMayComeFromTheLineOrTheFile) {
  TempFolder folder;
  EXPECT_ERROR(Program(true).parse({}), UsageError, "expected --data PATH");
  EXPECT_TRUE(Program(true).parse({"--data", "d"}));
  EXPECT_TRUE(Program(true).parse({"--config", config(folder, R"({"data": "d"})")}));
}

TEST(Cli, CheckReadsEverythingAndRunsNothing) {
  TempFolder folder;
  EXPECT_FALSE(Program(true).parse({"--data", folder.path(), "--check"}));
  EXPECT_ERROR(Program(true).parse({"--data", folder / "d", "--check"}), IoError, "for --data, found none at ");
  Program later(true);
  later.call.coming = folder.path();
  EXPECT_FALSE(later.parse({"--data", folder / "d", "--check"}));
  EXPECT_ERROR(Program(true).parse({"--check"}), UsageError, "expected --data PATH");
  EXPECT_ERROR(Program().parse({"--check", "--config", config(folder, R"({"batch_size": 0})")}), UsageError,
               "at least 1");
}

TEST(Cli, TheLineWinsOverTheFileAndTheFileOverTheDefault) {
  TempFolder folder;
  Program p;
  const std::string file = config(folder, R"({
    // a recipe
    "batch_size": 64, "lr": 0.5, "flip": false, "milestones": [3, 4], "method": "deep-inversion", "width": 2})");
  ASSERT_TRUE(p.parse({"--lr", "0.25", "--config", file, "--milestones", "9"}));
  EXPECT_EQ(p.batch_size, 64);
  EXPECT_EQ(p.lr, 0.25);
  EXPECT_FALSE(p.flip);
  EXPECT_EQ(p.milestones, (std::vector<std::int64_t>{9}));
  EXPECT_EQ(p.method, "deep-inversion");
  EXPECT_EQ(p.seed, 7u);
  EXPECT_TRUE(p.cli.was_given("batch-size"));
}

TEST(Config, MistakesAreNamedWithTheFile) {
  TempFolder folder;
  const auto refused = [&](const std::string& text, const char* words) {
    Program p;
    EXPECT_ERROR(p.parse({"--config", config(folder, text)}), UsageError, words);
  };
  refused(R"({"batch_sise": 3})", "unknown key 'batch_sise'; did you mean 'batch_size'?");
  refused(R"({"batch_size": "3"})", "batch_size, got '\"3\"'");
  refused(R"({"batch_size": 3.5})", "expected an integer");
  refused(R"({"batch_size": 0})", "at least 1");
  refused(R"({"lr": null})", "expected a number");
  refused(R"({"flip": 1})", "expected true or false");
  refused(R"({"method": "deep-inverson"})", "did you mean 'deep-inversion'?");
  refused(R"({"milestones": 5})", "expected an array");
  refused(R"({"milestones": [5, "a"]})", "expected an integer");
  refused(R"({"out": "x"})", "only be given on the command line");
  refused(R"({"seed": -1})", "expected an integer from 0");
  refused(R"({"lr": 1, "lr": 2})", "'lr' twice");
  refused("{\n\"lr\": 1,,\n}", "syntax error in line 2");
  refused(R"({"lr": 1e999})", "expected numbers that a double can hold");
  refused(R"({"batch_size": 1e30})", "expected an integer");
  refused(R"({"width": 99999999999})", "expected an integer");
  refused("[1]", "expected a JSON object, got array");
  refused("", "syntax error");
  Program p;
  EXPECT_ERROR(p.parse({"--config", (folder / "nowhere.json").string()}), IoError, "nowhere.json");
}

TEST(Config, CommentsAreKeysThatEveryReaderTakes) {
  TempFolder folder;
  Program p;
  ASSERT_TRUE(
      p.parse({"--config", config(folder, R"({"//": "a recipe", "//lr": ["published"], "lr": 0.5, "//": 2})")}));
  EXPECT_EQ(p.lr, 0.5);
}

TEST(Config, TheResolvedConfigurationMeansTheSame) {
  TempFolder folder;
  Program p;
  ASSERT_TRUE(
      p.parse({"--lr", "0.1234567890123", "--no-flip", "--milestones", "1,2", "--data", "a \"b\"", "--out", "o"}));
  const std::string resolved = p.cli.resolved_config();
  EXPECT_EQ(resolved.find("\"out\""), std::string::npos);
  EXPECT_NE(resolved.find("\"batch_size\": 256,\n"), std::string::npos);
  Program q;
  ASSERT_TRUE(q.parse({"--config", config(folder, resolved)}));
  EXPECT_EQ(q.cli.resolved_config(), resolved);
  EXPECT_EQ(q.lr, 0.1234567890123);
  EXPECT_EQ(q.data, "a \"b\"");
  EXPECT_EQ(q.out, "");
}

TEST(Cli, TheConfigurationOfAResumedRunStandsBelowTheLineAndConfig) {
  const TempFolder folder;
  std::filesystem::create_directory(folder / "run");
  io::write_file(folder / "run" / "config.json", R"({"lr": 0.5, "width": 32, "batch_size": 8})");
  io::write_file(folder / "run" / "manifest.json",
                 R"({"engram": "run", "program": "engram-example", "inputs": {"data": "/somewhere"}})");
  Program p;
  ASSERT_TRUE(
      p.parse({"--resume", folder / "run", "--lr", "0.25", "--config", config(folder, R"({"batch_size": 16})")}));
  EXPECT_EQ(p.lr, 0.25);
  EXPECT_EQ(p.batch_size, 16);
  EXPECT_EQ(p.width, 32);
  EXPECT_EQ(p.method, "natural-inversion");
  EXPECT_EQ(p.data, "/somewhere");
  Program q;
  ASSERT_TRUE(q.parse({"--resume", folder / "run", "--data", "elsewhere"}));
  EXPECT_EQ(q.data, "elsewhere");
  EXPECT_ERROR(Program().parse({"--resume", folder / "run", "--out", "x"}), UsageError, "got both");
  EXPECT_ERROR(Program().parse({"--resume", folder / "nowhere"}), UsageError, "manifest.json");
  io::write_file(folder / "run" / "manifest.json", R"({"engram": "run", "inputs": [1]})");
  EXPECT_ERROR(Program().parse({"--resume", folder / "run"}), DataError, "other types");
  io::write_file(folder / "run" / "manifest.json", R"({"engram": "run", "program": "engram-invert"})");
  EXPECT_ERROR(Program().parse({"--resume", folder / "run"}), UsageError,
               "got one of engram-invert in " + (folder / "run").string() + "; hint: engram-invert --resume ");
}

TEST(Cli, HelpShowsChoicesDefaultsAndGroups) {
  Program p;
  EXPECT_FALSE(p.parse({"--help"}));
  const std::string help = p.said.str();
  for (const char* words : {"--batch-size N", "natural-inversion, deep-inversion", "[256]", "[80,120]",
                            "Method:", "--flip,--no-flip ", "--config FILE"}) {
    EXPECT_NE(help.find(words), std::string::npos) << words << " in\n" << help;
  }
  Program q;
  EXPECT_FALSE(q.parse({"--version"}));
  EXPECT_EQ(q.said.str().rfind("engram-example 0.", 0), 0u);
}

TEST(Cli, HelpOnAPartComesFromItsEntry) {
  const std::vector<RegistryEntry> networks = {
      {"plain", "layer upon layer", {"-w{width}"}, {{"width", "64", "channels of the first map"}}}};
  const std::vector<RegistryEntry> losses = {
      {"plain", "no weights", {}, {}},
      {"margin", "of the logits", {}, {{"kind", "soft", "what is summed", {"soft", "hard"}}}}};
  const auto help = [&](const std::vector<std::string>& words) {
    Program p;
    p.cli.parts("network", networks);
    p.cli.parts("loss", losses);
    EXPECT_FALSE(p.parse(words));
    return p.said.str();
  };
  EXPECT_EQ(help({"--help", "plain"}),
            "plain[-w{width}]: network\n  layer upon layer\n"
            "Settings, as in '{\"name\": \"plain\", \"width\": ...}', with their default values:\n"
            "  width  channels of the first map [64]\n"
            "\nplain: loss\n  no weights\nNo settings.\n");
  EXPECT_EQ(help({"--help=plain-w8"}), help({"-h", "plain-w32"}));
  EXPECT_NE(help({"--help", "margin"}).find("  kind  what is summed: soft, hard [soft]\n"), std::string::npos);
  EXPECT_NE(help({"--help"}).find("--help NAME"), std::string::npos);
  EXPECT_ERROR(help({"--help", "margni"}), UsageError, "got 'margni'; did you mean 'margin'?");
}

TEST(Cli, HelpOnAPartOfAProgram) {
  const ProgramResult network = run_program("engram-train", {"--help", "resnet18-w32"});
  EXPECT_EQ(network.code, 0) << network.err;
  EXPECT_EQ(network.out.rfind("resnet18", 0), 0u) << network.out;
  for (const auto& [program, part] : std::vector<std::pair<std::string, std::string>>{
           {"engram-distill", "kd"}, {"engram-ood", "irm"}, {"engram-ood", "pacs"}, {"engram-invert", "cmi"}}) {
    const ProgramResult run = run_program(program, {"--help", part});
    EXPECT_EQ(run.code, 0) << run.err;
    EXPECT_NE(run.out.find("Settings, as in"), std::string::npos) << program << " " << part << "\n" << run.out;
  }
  EXPECT_EQ(run_program("engram-distill", {"--help", "no such part"}).code, 2);
}

/// What a program with these settings says to `--help NAME`.
template <class Settings>
std::string help_of(void (*add)(Cli&, Settings&), const std::string& name) {
  std::ostringstream said;
  const Call call{"engram-example", {"--help", name}, &said, &said, [] { return false; }};
  Settings settings;
  Cli cli(call, "Example.");
  add(cli, settings);
  EXPECT_FALSE(cli.parse());
  return said.str();
}

TEST(Cli, HelpAnswersEveryNameOfARegistry) {
  const auto expect_answers = [](auto add, const std::vector<RegistryEntry>& entries) {
    for (const RegistryEntry& entry : entries) {
      std::string said;
      EXPECT_NO_THROW(said = help_of(add, entry.name)) << entry.name;
      EXPECT_NE(said.find(entry.help), std::string::npos) << entry.name << "\n" << said;
    }
  };
  expect_answers(add_train_settings, network_registry().entries());
  expect_answers(add_invert_settings, network_registry().entries());
  expect_answers(add_invert_settings, inversion_entries());
  expect_answers(add_ood_settings, network_registry().entries());
  expect_answers(add_ood_settings, ood_registry().entries());
  expect_answers(add_ood_settings, ood_protocols().entries());
  expect_answers(add_distill_settings, network_registry().entries());
  expect_answers(add_distill_settings, distillation_registry().entries());
  expect_answers(add_distill_settings, student_task_registry().entries());
  expect_answers(add_distill_settings, data_free_registry().entries());
}

TEST(Cli, HelpAnswersTheWordsOfAnOption) {
  Program p;
  EXPECT_FALSE(p.parse({"--help", "deep-inversion"}));
  EXPECT_EQ(p.said.str().rfind("deep-inversion: word of --method\n  ", 0), 0u) << p.said.str();
  EXPECT_ERROR(Program().parse({"--help", "deep-invasion"}), UsageError, "did you mean 'deep-inversion'?");
}

TEST(Completion, KnowsOptionsAndChoices) {
  Program p(true);
  EXPECT_FALSE(p.parse({"--completion", "bash"}));
  const std::string script = p.said.str();
  for (const char* words : {"--method) COMPREPLY=($(compgen -W 'natural-inversion deep-inversion' ", " --no-flip ",
                            "complete -o filenames -F _engram_example engram-example", " --batch-size "})
    EXPECT_NE(script.find(words), std::string::npos) << words << " in\n" << script;
  EXPECT_ERROR(Program().parse({"--completion", "fish"}), UsageError, "expected bash");
}

TEST(Suggest, CountsEdits) {
  EXPECT_EQ(edit_distance("", "abc"), 3);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3);
  EXPECT_EQ(edit_distance("abcd", "abdc"), 1);
  EXPECT_EQ(edit_distance("CIFAR10", "cifar10"), 0);
  EXPECT_EQ(nearest("cifar", {"mnist", "cifar10", "cifar100"}), "cifar10");
  EXPECT_EQ(nearest("cifer100", {"mnist", "cifar10", "cifar100"}), "cifar100");
  EXPECT_EQ(nearest("banana", {"mnist", "cifar10"}), "");
  EXPECT_EQ(did_you_mean("banana", {"mnist"}), "");
}

}  // namespace
}  // namespace engram::apps
