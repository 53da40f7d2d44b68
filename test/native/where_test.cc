// What several actions concern together (SPEC §19).
#include "core/where.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace pathcast {
namespace {

std::string Json(const Restriction& restriction) {
  std::string json = "> ";
  AppendRestriction(&json, restriction);
  return json.substr(2);
}

TEST(Where, OneValueStandsAloneAndSeveralAreAList) {
  EXPECT_EQ(Json({}), "{}");
  EXPECT_EQ(Json({{"\"id\"", {"\"g1\""}}}), R"({"id":"g1"})");
  EXPECT_EQ(Json({{"\"id\"", {"1", "2"}}, {"\"open\"", {"true"}}}),
            R"({"id":[1,2],"open":true})");
}

TEST(Where, AKeyStaysWhereBothHaveItWithTheValuesOfBoth) {
  Restriction one{{"\"id\"", {"1", "2"}}, {"\"client\"", {"7"}}};
  ASSERT_TRUE(
      JoinRestriction(&one, {{"\"year\"", {"9"}}, {"\"id\"", {"2", "3"}}}));
  EXPECT_EQ(Json(one), R"({"id":[1,2,3]})");
}

TEST(Where, WithoutACommonKeyItIsAnyInput) {
  Restriction one{{"\"id\"", {"1"}}};
  EXPECT_FALSE(JoinRestriction(&one, {{"\"client\"", {"1"}}}));
  Restriction none;
  EXPECT_FALSE(JoinRestriction(&none, {{"\"id\"", {"1"}}}));
}

TEST(Where, MoreValuesThanTheBoundAreAny) {
  std::vector<std::string> some;
  for (size_t i = 0; i < kWhereValues; ++i) some.push_back(std::to_string(i));
  Restriction one{{"\"id\"", some}, {"\"client\"", {"7"}}};
  // They are there already.
  ASSERT_TRUE(
      JoinRestriction(&one, {{"\"id\"", {"0", "15"}}, {"\"client\"", {"7"}}}));
  EXPECT_EQ(one.front().values, some);
  ASSERT_TRUE(
      JoinRestriction(&one, {{"\"id\"", {"16"}}, {"\"client\"", {"7"}}}));
  EXPECT_EQ(Json(one), R"({"client":7})");
}

TEST(Where, ItsBytesAreThoseOfItsJsonOrAFewMore) {
  WhereMap where;
  EXPECT_EQ(WhereBytes(where), 0u);
  size_t json = 0;
  for (uint32_t path = 0; path < 3; ++path) {
    where[path] = {{"\"id\"", {"\"g1\"", "\"g2\""}}, {"\"n\"", {"5"}}};
    json += Json(where[path]).size();
  }
  EXPECT_GE(WhereBytes(where), json - 6);
  EXPECT_LE(WhereBytes(where), json + 18);
}

}  // namespace
}  // namespace pathcast
