CREATE TABLE send(friend int, bookend int); SELECT friend FROM send; SELECT bookend FROM send;
