#ifndef EXAMPLES_WSUV_ROWS_H
#define EXAMPLES_WSUV_ROWS_H

/* Where libedit has put the cursor: that is not part of its interface. */

#include <wchar.h>

enum { PROMPT_COLUMNS = 2 };

/* How many rows of a terminal with so many columns are above the cursor, if the text from `begin`
   to `cursor` stands behind the prompt. */
int rows_above(const wchar_t *begin, const wchar_t *cursor, int columns);

#endif
