SELECT 1;
COPY (SELECT 1) TO '/nonexistent/file';
SELECT 2;
