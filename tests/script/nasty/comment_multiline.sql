/* head

; tail
 */
SELECT 1;
/*
*/
