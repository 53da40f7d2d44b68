#include "core/filter.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace pathcast {
namespace {

using Strings = std::vector<std::string>;

constexpr ActionView kAction{.module = "guests",
                             .entity_id = "g1",
                             .client_id = "c1",
                             .user_id = "u1",
                             .source_id = "tab1"};

ActionView With(std::string_view ActionView::*part, std::string_view value) {
  ActionView action = kAction;
  action.*part = value;
  return action;
}

TEST(FilterTest, WithoutPartsLetsEverythingThroughForNoMemory) {
  const Filter filter{FilterSpec{}};
  EXPECT_TRUE(filter.PassesAll());
  EXPECT_TRUE(filter.Passes(kAction));
  EXPECT_TRUE(filter.Passes(ActionView{}));
  EXPECT_EQ(filter.Bytes(), 0u);
  EXPECT_EQ(sizeof(Filter), sizeof(void*));
}

TEST(FilterTest, ClientIdsPassAnActionWithoutOne) {
  const Filter filter{FilterSpec{.client_ids = Strings{"c2", "c1"}}};
  EXPECT_TRUE(filter.Passes(kAction));
  EXPECT_TRUE(filter.Passes(With(&ActionView::client_id, "")));
  EXPECT_FALSE(filter.Passes(With(&ActionView::client_id, "c3")));
  EXPECT_GT(filter.Bytes(), 0u);
}

TEST(FilterTest, ModulesPassOnlyTheirOwn) {
  const Filter filter{FilterSpec{.modules = Strings{"guests", "budget"}}};
  EXPECT_TRUE(filter.Passes(kAction));
  EXPECT_FALSE(filter.Passes(With(&ActionView::module, "guest")));
  EXPECT_FALSE(filter.Passes(With(&ActionView::module, "")));
}

TEST(FilterTest, EntitiesPassStarToo) {
  const Filter filter{FilterSpec{.entities = Strings{"g1", "g9"}}};
  EXPECT_TRUE(filter.Passes(kAction));
  EXPECT_TRUE(filter.Passes(With(&ActionView::entity_id, "*")));
  EXPECT_FALSE(filter.Passes(With(&ActionView::entity_id, "g2")));
}

TEST(FilterTest, AnEmptyListIsNotAnAbsentOne) {
  EXPECT_FALSE(Filter{FilterSpec{.modules = Strings{}}}.Passes(kAction));
  const Filter clients{FilterSpec{.client_ids = Strings{}}};
  EXPECT_FALSE(clients.Passes(kAction));
  EXPECT_TRUE(clients.Passes(With(&ActionView::client_id, "")));
  const Filter entities{FilterSpec{.entities = Strings{}}};
  EXPECT_FALSE(entities.Passes(kAction));
  EXPECT_TRUE(entities.Passes(With(&ActionView::entity_id, "*")));
}

TEST(FilterTest, ExcludesASource) {
  const Filter filter{FilterSpec{.exclude_source_id = "tab1"}};
  EXPECT_FALSE(filter.Passes(kAction));
  EXPECT_TRUE(filter.Passes(With(&ActionView::source_id, "tab2")));
  EXPECT_TRUE(filter.Passes(With(&ActionView::source_id, "")));
  EXPECT_TRUE(Filter{FilterSpec{.exclude_source_id = ""}}.PassesAll());
}

TEST(FilterTest, ExcludesAUser) {
  const Filter filter{FilterSpec{.exclude_user_id = "u1"}};
  EXPECT_FALSE(filter.Passes(kAction));
  EXPECT_TRUE(filter.Passes(With(&ActionView::user_id, "")));
  const Filter nobody{FilterSpec{.exclude_user_id = ""}};
  EXPECT_TRUE(nobody.Passes(kAction));
  EXPECT_FALSE(nobody.Passes(With(&ActionView::user_id, "")));
}

TEST(FilterTest, AsksForAllPartsAtOnce) {
  const Filter filter{FilterSpec{.client_ids = Strings{"c1"},
                                 .modules = Strings{"guests"},
                                 .exclude_source_id = "tab9"}};
  EXPECT_TRUE(filter.Passes(kAction));
  EXPECT_FALSE(filter.Passes(With(&ActionView::module, "budget")));
  EXPECT_FALSE(filter.Passes(With(&ActionView::source_id, "tab9")));
}

TEST(FilterTest, FindsEachOfManyValues) {
  Strings many;
  for (int i = 255; i >= 0; --i) many.push_back("e" + std::to_string(i));
  many.push_back("e7");
  Filter filter{FilterSpec{.entities = many}};
  Filter moved = std::move(filter);
  for (const std::string& id : many) {
    EXPECT_TRUE(moved.Passes(With(&ActionView::entity_id, id)));
  }
  EXPECT_FALSE(moved.Passes(With(&ActionView::entity_id, "e256")));
}

}  // namespace
}  // namespace pathcast
