"""What `sigmalake portfolio --to` writes: one account of a portfolio, as a page, a workbook or rows."""
