/* The intrusive list: order, removal, and that nothing is left pointing into it. */

#include "base/list.h"
#include "support/test.h"

typedef struct item {
  int number;
  ws_list node;
} item;

static void number_and_init(item *items, int n) {
  for (int i = 0; i < n; i++) {
    items[i].number = i;
    ws_list_init(&items[i].node);
  }
}

static int number_of(ws_list *node) {
  return ws_list_entry(node, item, node)->number;
}

/* The list holds exactly these numbers, forwards and backwards. */
static void assert_numbers(const ws_list *list, const int *numbers, int n) {
  ws_list *node = list->next;
  for (int i = 0; i < n; i++, node = node->next) assert_int_equal(number_of(node), numbers[i]);
  assert_ptr_equal(node, list);
  node = list->prev;
  for (int i = n; i-- > 0; node = node->prev) assert_int_equal(number_of(node), numbers[i]);
  assert_ptr_equal(node, list);
  assert_int_equal(ws_list_empty(list), n == 0);
}

TEST(test_list_begins_empty) {
  ws_list list;
  ws_list_init(&list);
  assert_true(ws_list_empty(&list));
  assert_null(ws_list_pop(&list));
}

TEST(test_list_keeps_the_order_of_appending) {
  ws_list list;
  item items[3];
  ws_list_init(&list);
  number_and_init(items, 3);
  for (int i = 0; i < 3; i++) ws_list_append(&list, &items[i].node);
  assert_numbers(&list, (int[]){0, 1, 2}, 3);
  for (int i = 0; i < 3; i++) assert_int_equal(number_of(ws_list_pop(&list)), i);
  assert_true(ws_list_empty(&list));
}

TEST(test_list_removing_twice_is_harmless) {
  ws_list list;
  item items[3];
  ws_list_init(&list);
  number_and_init(items, 3);
  for (int i = 0; i < 3; i++) ws_list_append(&list, &items[i].node);
  ws_list_remove(&items[1].node);
  assert_true(ws_list_empty(&items[1].node));
  ws_list_remove(&items[1].node);
  assert_numbers(&list, (int[]){0, 2}, 2);
  ws_list_append(&list, &items[1].node);
  assert_numbers(&list, (int[]){0, 2, 1}, 3);
}

TEST(test_list_popped_node_is_in_no_list) {
  ws_list list;
  item items[2];
  ws_list_init(&list);
  number_and_init(items, 2);
  ws_list_append(&list, &items[0].node);
  ws_list_append(&list, &items[1].node);
  ws_list *node = ws_list_pop(&list);
  ws_list_remove(node);
  assert_numbers(&list, (int[]){1}, 1);
}

TEST(test_list_splice_moves_all_to_the_end) {
  ws_list to, from;
  item items[5];
  ws_list_init(&to);
  ws_list_init(&from);
  number_and_init(items, 5);
  for (int i = 0; i < 5; i++) ws_list_append(i < 2 ? &to : &from, &items[i].node);
  ws_list_splice(&to, &from);
  assert_numbers(&to, (int[]){0, 1, 2, 3, 4}, 5);
  assert_numbers(&from, NULL, 0);
  ws_list_splice(&to, &from);
  assert_numbers(&to, (int[]){0, 1, 2, 3, 4}, 5);
  ws_list_splice(&from, &to);
  assert_numbers(&from, (int[]){0, 1, 2, 3, 4}, 5);
  assert_numbers(&to, NULL, 0);
}
