\copy x from stdin
included
\.
\copy x (b) from 'data/empty.txt'
\copy x from data/no_newline.txt (delimiter '|')
