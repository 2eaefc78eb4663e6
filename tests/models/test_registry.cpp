// Parts by name: components, settings, short forms, suggestions.
#include <gtest/gtest.h>

#include "kernels/common/error.h"
#include "models/registry.h"
#include "tests/support/expect_error.h"

namespace engram {
namespace {

TEST(Component, IsAWordOrAnObject) {
  EXPECT_EQ(parse_component("resnet20"), (Component{"resnet20", {}}));
  const Component component =
      parse_component(R"({"alpha": 0.5, "name": "dkd", "warm": true, "steps": [1, -2], "count": 3, "mode": "a\"b"})");
  EXPECT_EQ(component.name, "dkd");
  EXPECT_EQ(component.settings.at("alpha"), SettingValue(0.5));
  EXPECT_EQ(component.settings.at("warm"), SettingValue(true));
  EXPECT_EQ(component.settings.at("steps"), SettingValue(std::vector<std::int64_t>{1, -2}));
  EXPECT_EQ(component.settings.at("count"), SettingValue(std::int64_t{3}));
  EXPECT_EQ(to_string(component),
            R"({"name": "dkd", "alpha": 0.5, "count": 3, "mode": "a\"b", "steps": [1,-2], "warm": true})");
  EXPECT_EQ(parse_component(to_string(component)), component);
  EXPECT_EQ(to_string(Component{"kd", {}}), "kd");
}

TEST(Component, BrokenObjectsAreRefused) {
  EXPECT_ERROR(parse_component("{\"name\": \"kd\""), UsageError, "broken JSON");
  EXPECT_ERROR(parse_component("{\"name\": \"kd\"} x"), UsageError, "broken JSON");
  EXPECT_ERROR(parse_component("{\"alpha\": 1}"), UsageError, "no \"name\"");
  EXPECT_ERROR(parse_component("{\"name\": 1}"), UsageError, "no \"name\"");
  EXPECT_ERROR(parse_component("{\"name\": \"kd\", \"a\": 1, \"a\": 2}"), UsageError, "the key \"a\" twice");
  EXPECT_ERROR(parse_component("{\"name\": \"kd\", \"a\": {}}"), UsageError, "no boolean, number, string or list");
  EXPECT_ERROR(parse_component("{\"name\": \"kd\", \"a\": null}"), UsageError, "no boolean, number, string or list");
  EXPECT_ERROR(parse_component("{\"name\": \"kd\", \"a\": [1.5]}"), UsageError, "something else than integers");
  EXPECT_ERROR(parse_component("{\"name\": \"kd\", \"a\": [[[[1]]]]}"), UsageError, "nesting");
  EXPECT_ERROR(parse_component("{" + std::string(5000, ' ') + "}"), UsageError, "5002 characters");
}

struct Box {
  std::string text;
};

struct BoxSettings {
  dim_t width = 4;
  int height = 2;
  double depth = 0.5;
  bool open = false;
  std::string colour = "red";
  std::vector<dim_t> holes = {1};
};

Settings box_settings(BoxSettings& s) {
  return {{"width", &s.width, "in metres"},
          {"height", &s.height, "in metres"},
          {"depth", &s.depth, "in metres"},
          {"open", &s.open, "no lid"},
          {"colour", &s.colour, "of paint", {"red", "blue"}},
          {"holes", &s.holes, "places"}};
}

Registry<Box, int> boxes() {
  Registry<Box, int> registry("box");
  const auto make = [](const BoxSettings& s, int copies) {
    std::string text = std::to_string(s.width) + "x" + std::to_string(s.height) + "x" + std::to_string(s.depth) +
                       (s.open ? " open " : " ") + s.colour + " " + std::to_string(s.holes.size()) + " x" +
                       std::to_string(copies);
    return std::make_unique<Box>(Box{text});
  };
  registry.add<BoxSettings>("crate", "of wood", {}, box_settings, make,
                            {"-w{width}", "-{colour}", "-{width}-{height}"});
  registry.add<BoxSettings>("crate-tall", "of more wood", {.height = 9}, box_settings, make);
  return registry;
}

TEST(Registry, MakesPartsFromNamesShortFormsAndObjects) {
  const auto registry = boxes();
  EXPECT_EQ(registry.make("crate", 1)->text, "4x2x0.500000 red 1 x1");
  EXPECT_EQ(registry.make("crate-w7", 2)->text, "7x2x0.500000 red 1 x2");
  EXPECT_EQ(registry.make("crate-blue", 1)->text, "4x2x0.500000 blue 1 x1");
  EXPECT_EQ(registry.make("crate-3-5", 1)->text, "3x5x0.500000 red 1 x1");
  EXPECT_EQ(registry.make("crate-tall", 1)->text, "4x9x0.500000 red 1 x1");
  EXPECT_EQ(registry.make(R"({"name": "crate-w7", "depth": 2, "open": true, "holes": []})", 1)->text,
            "7x2x2.000000 open red 0 x1");
}

TEST(Registry, CanonicalNamesAreTheShortest) {
  const auto registry = boxes();
  EXPECT_EQ(registry.canonical(R"({"name": "crate", "width": 4})"), "crate");
  EXPECT_EQ(registry.canonical(R"({"name": "crate", "width": 3, "height": 5})"), "crate-3-5");
  EXPECT_EQ(registry.canonical(R"({"name": "crate", "height": 5})"), R"({"name": "crate", "height": 5})");
  EXPECT_EQ(registry.canonical(R"({"name": "crate-blue", "open": true})"),
            R"({"name": "crate", "colour": "blue", "open": true})");
}

TEST(Registry, ListsWhatItKnows) {
  const auto registry = boxes();
  EXPECT_EQ(registry.names(), "crate[-w{width}][-{colour}][-{width}-{height}], crate-tall");
  const RegistryEntry& entry = registry.entries()[1];
  EXPECT_EQ(entry.help, "of more wood");
  ASSERT_EQ(entry.settings.size(), 6u);
  EXPECT_EQ(entry.settings[1].name, "height");
  EXPECT_EQ(entry.settings[1].fallback, "9");
  EXPECT_EQ(entry.settings[4].fallback, "\"red\"");
  EXPECT_EQ(entry.settings[4].choices, (std::vector<std::string>{"red", "blue"}));
}

TEST(Registry, SizesThatNoMemoryHoldsAreAMistakeInTheSettings) {
  Registry<Box, int> registry("box");
  registry.add<BoxSettings>("crate", "of wood", {}, box_settings,
                            [](const BoxSettings&, int) -> std::unique_ptr<Box> { throw ShapeError("too wide"); });
  EXPECT_ERROR(registry.make(R"({"name": "crate", "width": 99})", 1), UsageError,
               R"(tensors of a possible size, got {"name": "crate", "width": 99}: too wide)");
  EXPECT_ERROR(registry.make("crate", 1), ShapeError, "too wide");  // what does not fit came with the arguments
}

TEST(Registry, RefusesWhatItDoesNotKnow) {
  const auto registry = boxes();
  EXPECT_ERROR(registry.make("crat", 1), UsageError,
               "[box] expected one of crate[-w{width}][-{colour}][-{width}-{height}], crate-tall, got \"crat\"; did "
               "you mean 'crate'?");
  for (const char* name :
       {"", "crate-", "crate-w07", "crate-w1x", "crate-w7-", "crate-1-2-3", "Crate", "crate-w9999999999"})
    EXPECT_ERROR(registry.make(name, 1), UsageError, "[box] expected one of");
  EXPECT_ERROR(registry.make(R"({"name": "crate", "with": 3})", 1), UsageError,
               "[crate] expected settings of width, height, depth, open, colour, holes, got \"with\"; did you mean "
               "'width'?");
  const auto wrong = [&](const char* setting, const char* expected) {
    EXPECT_ERROR(registry.make("{\"name\": \"crate\", " + std::string(setting) + "}", 1), UsageError, expected);
  };
  wrong("\"width\": 1.5", "[crate] expected a whole number for \"width\", got 1.5");
  wrong("\"height\": 3000000000", "expected a whole number for \"height\", got 3000000000");
  wrong("\"depth\": \"deep\"", "expected a number for \"depth\", got \"deep\"");
  wrong("\"open\": 1", "expected true or false for \"open\", got 1");
  wrong("\"colour\": \"bleu\"", "expected one of red, blue for \"colour\", got \"bleu\"; did you mean 'blue'?");
  wrong("\"colour\": true", "expected a text for \"colour\", got true");
  wrong("\"holes\": 1", "expected a list of whole numbers for \"holes\", got 1");
}

}  // namespace
}  // namespace engram
