#include "wsuv_rows.h"

/* Counts columns by the rules that libedit draws by. */

#include <wctype.h>

enum { TAB_COLUMNS = 8 };

/* Columns of a character at a column. Controls are ^X, what cannot be printed is \U+FFFF. */
static int columns_of(wchar_t c, int column) {
  if (c == L'\t') return TAB_COLUMNS - column % TAB_COLUMNS;
  if (c < 0x100 && iswcntrl((wint_t) c)) return 2;
  if (!iswprint((wint_t) c)) return c > 0xffff ? 8 : 7;
  int n = wcwidth(c);
  return n > 0 ? n : 0;
}

int rows_above(const wchar_t *begin, const wchar_t *cursor, int columns) {
  int row = 0, column = PROMPT_COLUMNS;
  for (const wchar_t *c = begin; c < cursor; c++) {
    int n = columns_of(*c, column);
    if (n == 2 && iswprint((wint_t) *c) && column + n > columns) {
      row++; /* a wide character is not cut */
      column = 0;
    }
    column += n;
    row += column / columns;
    column %= columns;
  }
  return row;
}
