SELECT 1;
\copy nowhere from 'data/plain.txt'
