-- nothing else

   
