SELECT 1=-1, 2<>-1, 3>=+1; SELECT 1 <= -- c
 2;
